import { TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { useText } from "@/i18n";
import { useWorkspaceCreate } from "./api";
import { workspacesText } from "./text";

export function CreateWorkspaceDialog({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  const t = useText(workspacesText);
  const navigate = useNavigate();
  const create = useWorkspaceCreate();
  const [name, setName] = useState("");
  const submit = () =>
    create.mutate(name.trim(), {
      onSuccess: (workspace) => {
        onClose();
        setName("");
        void navigate({ to: "/w/$ws/flows", params: { ws: workspace.id } });
      },
    });
  return (
    <FormDialog
      opened={opened}
      onClose={onClose}
      title={t("create.title")}
      action={t("create.action")}
      disabled={name.trim() === ""}
      busy={create.isPending}
      error={create.error}
      onAction={submit}
    >
      <p>{t("create.lead")}</p>
      <TextInput
        data-autofocus
        label={t("field.name")}
        value={name}
        maxLength={80}
        onChange={(event) => setName(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
