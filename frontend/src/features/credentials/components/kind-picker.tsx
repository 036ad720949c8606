import { Modal, TextInput } from "@mantine/core";
import { useState } from "react";
import { Icon, isIconName } from "@/components/icon";
import { useLanguage, useText } from "@/i18n";
import type { CredentialKind } from "@/lib/api";
import classes from "../credentials.module.css";
import { credentialsText } from "../text";

type Props = { kinds: CredentialKind[]; onPick: (kind: CredentialKind) => void; onClose: () => void };

/** The first step of a new credential: what is it for? */
export function KindPicker({ kinds, onPick, onClose }: Props) {
  const t = useText(credentialsText);
  const language = useLanguage();
  const [query, setQuery] = useState("");
  const wanted = query.trim().toLowerCase();
  const found = kinds.filter((kind) =>
    [kind.id, kind.name.en, kind.name.zh, kind.description[language]].some((text) =>
      text.toLowerCase().includes(wanted),
    ),
  );
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("pick.title")}
      size={620}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      <TextInput
        data-autofocus
        leftSection={<Icon name="search" />}
        placeholder={t("pick.search")}
        aria-label={t("pick.search")}
        value={query}
        onChange={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          const [first] = found;
          if (event.key === "Enter" && first) onPick(first);
        }}
      />
      {found.length === 0 && <p className={classes.nothing}>{t("pick.none")}</p>}
      <div className={classes.kinds}>
        {found.map((kind) => (
          <button key={kind.id} type="button" className={classes.kind} onClick={() => onPick(kind)}>
            <Icon name={isIconName(kind.icon) ? kind.icon : "key"} />
            <span>
              <b>{kind.name[language]}</b>
              <small>{kind.description[language]}</small>
            </span>
          </button>
        ))}
      </div>
    </Modal>
  );
}
