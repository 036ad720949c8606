import { useNavigate } from "@tanstack/react-router";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import type { Member } from "@/lib/api";
import { useWorkspace } from "@/lib/workspaces";
import { useMemberRemove, useWorkspaceLeave } from "../api";
import { workspacesText } from "../text";

type RemoveProps = { workspaceId: string; member: Member; onClose: () => void };

export function RemoveMemberDialog({ workspaceId, member, onClose }: RemoveProps) {
  const t = useText(workspacesText);
  const remove = useMemberRemove(workspaceId);
  const { name, id } = member.person;
  const done = () => {
    tell(t("members.removed", { name }));
    onClose();
  };
  return (
    <FormDialog
      opened
      danger
      title={t("members.remove.title", { name })}
      action={t("members.remove.action", { name })}
      busy={remove.isPending}
      error={remove.error}
      onClose={onClose}
      onAction={() => remove.mutate(id, { onSuccess: done })}
    >
      <p>{t("members.remove.lead")}</p>
    </FormDialog>
  );
}

export function LeaveDialog({ workspaceId, onClose }: { workspaceId: string; onClose: () => void }) {
  const t = useText(workspacesText);
  const navigate = useNavigate();
  const leave = useWorkspaceLeave(workspaceId);
  const name = useWorkspace(workspaceId)?.name ?? "";
  return (
    <FormDialog
      opened
      danger
      title={t("members.leave.title", { name })}
      action={t("members.leave.action")}
      busy={leave.isPending}
      error={leave.error}
      onClose={onClose}
      onAction={() => leave.mutate(undefined, { onSuccess: () => void navigate({ to: "/" }) })}
    >
      <p>{t("members.leave.lead")}</p>
    </FormDialog>
  );
}
