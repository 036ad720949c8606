/** Everyone who has this flow open, each in their colour. */
import { Tooltip } from "@mantine/core";
import { PersonAvatar } from "@/components/person-avatar";
import { useText } from "@/i18n";
import { useMe } from "@/lib/session";
import { usePresence } from "../../stores/context";
import { editorText } from "../../text";
import classes from "./top-bar.module.css";

const SHOWN = 4;

export function People() {
  const me = useMe();
  const people = usePresence((state) => state.people);
  const t = useText(editorText);
  const others = people.filter((peer) => peer.user.id !== me?.id);
  const more = others.length - SHOWN;
  return (
    <ul className={classes.people} aria-label={t("people")} data-testid="people">
      {others.slice(0, SHOWN).map((peer) => (
        <Tooltip key={peer.user.id} label={peer.user.name}>
          <li>
            <PersonAvatar person={peer.user} size={26} />
            <span className="sr-only">{peer.user.name}</span>
          </li>
        </Tooltip>
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
