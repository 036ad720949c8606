/** Everyone who has this flow open, each in their colour, and what writes in it besides browsers. */
import { Tooltip } from "@mantine/core";
import { useStore } from "zustand";
import { Icon } from "@/components/icon";
import { PersonAvatar } from "@/components/person-avatar";
import { tell } from "@/components/toast";
import type { Peer } from "@/flow-core";
import { useText } from "@/i18n";
import { useMe } from "@/lib/session";
import { collabText } from "../../collab-text";
import { useEditor, usePresence } from "../../stores/context";
import type { ServerWriter } from "../../stores/server-writers";
import { select } from "../../stores/ui-store";
import { editorText } from "../../text";
import classes from "./top-bar.module.css";

const SHOWN = 4;

export function People() {
  const { serverWriters } = useEditor();
  const me = useMe();
  const people = usePresence((state) => state.people);
  const writers = useStore(serverWriters.store, (state) => state.writers);
  const t = useText(editorText);
  const others = people.filter((peer) => peer.user.id !== me?.id);
  const more = others.length - SHOWN;
  return (
    <ul className={classes.people} aria-label={t("people")} data-testid="people">
      {writers.map((writer) => (
        <Writer key={writer.key} writer={writer} />
      ))}
      {others.slice(0, SHOWN).map((peer) => (
        <Other key={peer.user.id} peer={peer} />
      ))}
      {more > 0 && (
        <Tooltip
          label={others
            .slice(SHOWN)
            .map((peer) => peer.user.name)
            .join(", ")}
        >
          <li className={classes.more}>+{more}</li>
        </Tooltip>
      )}
      {me && (
        <Tooltip label={t("people.you", { name: me.name })}>
          <li>
            <PersonAvatar person={me} size={26} />
            <span className="sr-only">{t("people.you", { name: me.name })}</span>
          </li>
        </Tooltip>
      )}
    </ul>
  );
}

/** A click follows; another one ends it. */
function Other({ peer }: { peer: Peer }) {
  const { follow } = useEditor();
  const t = useText(collabText);
  const { name } = peer.user;
  const followed = useStore(follow.store, (state) => state.leader?.user.id === peer.user.id);
  const toggle = (): void => {
    if (followed) follow.stop();
    else if (follow.start(peer) === "loop") tell(t("follow.loop", { name }));
  };
  const state = peer.hidden ? t("people.hidden", { name }) : t("people.here", { name });
  const action = followed ? t("people.unfollow", { name }) : t("people.follow", { name });
  return (
    <li data-hidden={peer.hidden || undefined}>
      <Tooltip label={`${state} · ${action}`}>
        <button
          type="button"
          className={classes.person}
          aria-pressed={followed}
          aria-label={action}
          data-testid={`person-${name}`}
          onClick={toggle}
        >
          <PersonAvatar person={peer.user} size={26} />
          <span className="sr-only">{name}</span>
        </button>
      </Tooltip>
    </li>
  );
}

/** API, command line, import, rollback, assistant: named while they write, a click shows what. */
function Writer({ writer }: { writer: ServerWriter }) {
  const { ui } = useEditor();
  const t = useText(collabText);
  const kind = t(`writer.${writerKind(writer.origin)}`);
  const name = writer.name ? t("writer.of", { writer: kind, name: writer.name }) : kind;
  const label = writer.summary
    ? t("writer.told", { writer: name, summary: writer.summary })
    : t("writer.told_bare", { writer: name, count: writer.nodes.length });
  return (
    <li>
      <Tooltip label={label} multiline maw={280}>
        <button
          type="button"
          className={classes.writer}
          aria-label={label}
          data-testid={`writer-${writer.origin}`}
          onClick={() => select(ui, writer.nodes)}
        >
          <Icon name="robot" size={13} />
          {name}
        </button>
      </Tooltip>
    </li>
  );
}

const KINDS = ["api", "cli", "import", "rollback", "assistant", "settings", "worker"] as const;

function writerKind(origin: string): (typeof KINDS)[number] | "server" {
  return KINDS.find((kind) => origin === kind || origin.startsWith(`${kind}:`)) ?? "server";
}
