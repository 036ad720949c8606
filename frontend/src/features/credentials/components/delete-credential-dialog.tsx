import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import type { Credential } from "@/lib/api";
import { useCredentialDelete } from "../api";
import { credentialsText } from "../text";
import { FlowsNaming } from "./credential-details";

type Props = { workspaceId: string; credential: Credential; onClose: () => void };

export function DeleteCredentialDialog({ workspaceId, credential, onClose }: Props) {
  const t = useText(credentialsText);
  const remove = useCredentialDelete(workspaceId);
  const done = () => {
    tell(t("deleted", { name: credential.name }));
    onClose();
  };
  return (
    <FormDialog
      opened
      danger
      title={t("delete.title", { name: credential.name })}
      action={t("delete.action")}
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onAction={() => remove.mutate(credential.id, { onSuccess: done })}
    >
      <p>{t("delete.lead")}</p>
      <FlowsNaming workspaceId={workspaceId} name={credential.name} />
    </FormDialog>
  );
}
