import { TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import type { Workspace } from "@/lib/api";
import { useWorkspaceDelete } from "../api";
import { workspacesText } from "../text";

/** The largest thing a person can destroy here, so the name is typed. */
export function DeleteWorkspaceDialog({ workspace, onClose }: { workspace: Workspace; onClose: () => void }) {
  const t = useText(workspacesText);
  const navigate = useNavigate();
  const remove = useWorkspaceDelete(workspace.id);
  const [typed, setTyped] = useState("");
  const done = () => {
    tell(t("settings.deleted", { name: workspace.name }));
    void navigate({ to: "/" });
  };
  return (
    <FormDialog
      opened
      danger
      title={t("settings.delete.title", { name: workspace.name })}
      action={t("settings.delete.action")}
      disabled={typed.trim() !== workspace.name}
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onAction={() => remove.mutate(undefined, { onSuccess: done })}
    >
      <p>{t("settings.delete.lead")}</p>
      <TextInput
        data-autofocus
        autoComplete="off"
        label={t("settings.delete.type")}
        placeholder={workspace.name}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
