import { Button, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { CopyField } from "@/components/copy-field";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useLanguage, useText } from "@/i18n";
import { ApiProblem, type Credential, type CredentialKind } from "@/lib/api";
import { useCredentialSave, useDraftTest } from "../api";
import classes from "../credentials.module.css";
import { draftOf, fieldsOf, isComplete } from "../draft";
import { credentialsText } from "../text";
import { KindFields } from "./kind-fields";

type Props = {
  workspaceId: string;
  kind: CredentialKind;
  redirectUri: string;
  /** What is changed; null makes a new one. */
  credential: Credential | null;
  onClose: () => void;
  /** An account that was just saved goes on to be connected. */
  onConnect: (id: string) => void;
};

/** One credential: the fields its kind declares, where it may go, and a try before it is saved. */
export function CredentialForm({ workspaceId, kind, redirectUri, credential, onClose, onConnect }: Props) {
  const t = useText(credentialsText);
  const language = useLanguage();
  const save = useCredentialSave(workspaceId);
  const test = useDraftTest(workspaceId);
  const [draft, setDraft] = useState(() => draftOf(kind, credential));
  const [isOpen, setOpen] = useState(false);
  const complete = isComplete(kind, draft);
  const problem = save.error ?? test.error;
  const setField = (name: string, value: string) => {
    test.reset();
    setDraft((now) => ({ ...now, fields: { ...now.fields, [name]: value } }));
  };
  const done = (saved: Credential) => {
    tell(t(credential ? "changed" : "created", { name: saved.name }));
    onClose();
    if (kind.is_account && !credential) onConnect(saved.id);
  };
  const fields = { kind, draft, problem, onChange: setField };
  return (
    <FormDialog
      opened
      size={520}
      title={credential ? t("edit.title", { name: credential.name }) : kind.name[language]}
      action={t(kind.is_account && !credential ? "save.connect" : "save")}
      disabled={!complete}
      busy={save.isPending}
      error={problem}
      onClose={onClose}
      onAction={() => save.mutate({ ...draft, name: draft.name.trim() }, { onSuccess: done })}
    >
      <p className="muted">{kind.description[language]}</p>
      <TextInput
        data-autofocus
        label={t("create.name")}
        description={t("create.name.hint")}
        inputWrapperOrder={["label", "input", "description", "error"]}
        value={draft.name}
        maxLength={100}
        error={save.error instanceof ApiProblem ? save.error.field("name") : undefined}
        onChange={(event) => setDraft({ ...draft, name: event.currentTarget.value })}
      />
      <KindFields {...fields} expert={false} />
      {kind.is_account && (
        <div>
          <p className={classes.label}>{t("redirect")}</p>
          <CopyField label={t("redirect")} value={redirectUri} />
        </div>
      )}
      {kind.hosts_use !== "from_fields" && (
        <HostsInput
          kind={kind}
          hosts={draft.hosts}
          problem={problem}
          onChange={(hosts) => setDraft({ ...draft, hosts })}
        />
      )}
      {fieldsOf(kind).some((field) => field.expert) && (
        <Button size="compact-xs" variant="subtle" onClick={() => setOpen(!isOpen)} className={classes.more}>
          {t(isOpen ? "less" : "more")}
        </Button>
      )}
      {isOpen && <KindFields {...fields} expert />}
      {kind.can_be_tested && !kind.is_account && (
        <div className={classes.test}>
          <Button
            size="xs"
            variant="default"
            loading={test.isPending}
            disabled={!complete}
            onClick={() => test.mutate(draft)}
          >
            {t("test.now")}
          </Button>
          <span role="status" data-ok={test.data?.ok} className={classes.verdict}>
            {test.data?.message}
          </span>
        </div>
      )}
    </FormDialog>
  );
}

type HostsProps = {
  kind: CredentialKind;
  hosts: string[];
  problem: unknown;
  onChange: (hosts: string[]) => void;
};

function HostsInput({ kind, hosts, problem, onChange }: HostsProps) {
  const t = useText(credentialsText);
  return (
    <TagsInput
      label={t("create.hosts")}
      description={t(kind.hosts_use === "optional" ? "create.hosts.optional" : "create.hosts.hint")}
      inputWrapperOrder={["label", "input", "description", "error"]}
      data={kind.hosts}
      value={hosts}
      classNames={{ input: classes.tags ?? "" }}
      acceptValueOnBlur
      error={problem instanceof ApiProblem ? problem.field("allowed_hosts") : undefined}
      onChange={(values) => onChange(values.map((host) => host.trim().toLowerCase()).filter(Boolean))}
    />
  );
}
