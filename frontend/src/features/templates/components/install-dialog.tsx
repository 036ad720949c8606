import { Select, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { useText } from "@/i18n";
import type { Template, Workspace } from "@/lib/api";
import { useTemplateInstall } from "../api";
import { templatesText } from "../text";

type Props = {
  template: Template;
  workspaces: Workspace[];
  preferredWorkspaceId: string | null;
  onClose: () => void;
};

export function InstallDialog({ template, workspaces, preferredWorkspaceId, onClose }: Props) {
  const t = useText(templatesText);
  const navigate = useNavigate();
  const install = useTemplateInstall(template.id);
  const preferred = workspaces.find((workspace) => workspace.id === preferredWorkspaceId) ?? workspaces[0];
  const [workspaceId, setWorkspaceId] = useState(preferred?.id ?? "");
  const [name, setName] = useState(template.name);
  const submit = () =>
    install.mutate(
      { workspaceId, name: name.trim() },
      {
        onSuccess: ({ flow_id }) =>
          void navigate({ to: "/w/$ws/flows/$flow", params: { ws: workspaceId, flow: flow_id } }),
      },
    );
  return (
    <FormDialog
      opened
      title={t("install.title", { name: template.name })}
      action={t("install.action")}
      disabled={name.trim() === "" || workspaceId === ""}
      busy={install.isPending}
      error={install.error}
      onClose={onClose}
      onAction={submit}
    >
      <p>{t("install.lead")}</p>
      <Select
        label={t("install.workspace")}
        allowDeselect={false}
        value={workspaceId}
        data={workspaces.map((workspace) => ({ value: workspace.id, label: workspace.name }))}
        onChange={(value) => value && setWorkspaceId(value)}
      />
      <TextInput
        data-autofocus
        label={t("install.name")}
        value={name}
        maxLength={200}
        onChange={(event) => setName(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
