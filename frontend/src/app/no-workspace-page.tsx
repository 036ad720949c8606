import { Button } from "@mantine/core";
import { useState } from "react";
import { EmptyState } from "@/components/empty-state";
import { CreateWorkspaceDialog } from "@/features/workspaces/create-workspace-dialog";
import { useText } from "@/i18n";
import { appText } from "./text";

export function NoWorkspacePage() {
  const t = useText(appText);
  const [creating, setCreating] = useState(false);
  return (
    <>
      <EmptyState
        icon="people"
        title={t("noWorkspace.title")}
        action={<Button onClick={() => setCreating(true)}>{t("workspace.new")}</Button>}
      >
        {t("noWorkspace.lead")}
      </EmptyState>
      <CreateWorkspaceDialog opened={creating} onClose={() => setCreating(false)} />
    </>
  );
}
