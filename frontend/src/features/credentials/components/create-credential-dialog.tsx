import { PasswordInput, TagsInput, TextInput } from "@mantine/core";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import { ApiProblem } from "@/lib/api";
import { useCredentialCreate } from "../api";
import { credentialsText } from "../text";

const usualHosts = ["api.anthropic.com", "api.openai.com"];

export function CreateCredentialDialog({
  workspaceId,
  onClose,
}: {
  workspaceId: string;
  onClose: () => void;
}) {
  const t = useText(credentialsText);
  const create = useCredentialCreate(workspaceId);
  const [name, setName] = useState("");
  const [key, setKey] = useState("");
  const [hosts, setHosts] = useState<string[]>([]);
  const problem = create.error instanceof ApiProblem ? create.error : null;
  const done = () => {
    tell(t("created", { name: name.trim() }));
    onClose();
  };
  return (
    <FormDialog
      opened
      title={t("create.title")}
      action={t("create.action")}
      disabled={name.trim() === "" || key.trim() === "" || hosts.length === 0}
      busy={create.isPending}
      error={create.error}
      onClose={onClose}
      onAction={() =>
        create.mutate({ name: name.trim(), apiKey: key.trim(), allowedHosts: hosts }, { onSuccess: done })
      }
    >
      <TextInput
        data-autofocus
        label={t("create.name")}
        description={t("create.name.hint")}
        inputWrapperOrder={["label", "input", "description", "error"]}
        value={name}
        maxLength={80}
        error={problem?.field("name")}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <PasswordInput
        label={t("create.key")}
        description={t("create.key.hint")}
        inputWrapperOrder={["label", "input", "description", "error"]}
        autoComplete="off"
        value={key}
        error={problem?.field("fields.api_key") ?? problem?.field("fields")}
        onChange={(event) => setKey(event.currentTarget.value)}
      />
      <TagsInput
        label={t("create.hosts")}
        description={t("create.hosts.hint")}
        inputWrapperOrder={["label", "input", "description", "error"]}
        data={usualHosts}
        value={hosts}
        acceptValueOnBlur
        error={problem?.field("allowed_hosts")}
        onChange={(values) => setHosts(values.map((host) => host.trim().toLowerCase()).filter(Boolean))}
      />
    </FormDialog>
  );
}
