import { Button, Modal, Select, TextInput } from "@mantine/core";
import { useState } from "react";
import { commonText } from "@/components/common-text";
import { CopyField } from "@/components/copy-field";
import { FormDialog } from "@/components/dialog";
import dialog from "@/components/dialog.module.css";
import { useText } from "@/i18n";
import { ApiProblem, type Invitation, type Role } from "@/lib/api";
import { useInvitationCreate } from "../api";
import { workspacesText } from "../text";
import { RoleSelect } from "./role-select";

const days = ["1", "7", "30"] as const;

export function InviteDialog({ workspaceId, onClose }: { workspaceId: string; onClose: () => void }) {
  const t = useText(workspacesText);
  const create = useInvitationCreate(workspaceId);
  const [role, setRole] = useState<Role>("editor");
  const [until, setUntil] = useState<(typeof days)[number]>("7");
  const [email, setEmail] = useState("");
  if (create.data) return <Ready invitation={create.data} onClose={onClose} onAnother={create.reset} />;
  const problem = create.error instanceof ApiProblem ? create.error : null;
  const submit = () => {
    create.mutate({ role, expires_in_days: Number(until), email: email.trim() });
  };
  return (
    <FormDialog
      opened
      title={t("invite.title")}
      action={t("invite.action")}
      busy={create.isPending}
      error={create.error}
      onClose={onClose}
      onAction={submit}
    >
      <p>{t("invite.lead")}</p>
      <RoleSelect label={t("invite.role")} value={role} onChange={setRole} />
      <Select
        label={t("invite.days")}
        allowDeselect={false}
        value={until}
        data={days.map((value) => ({ value, label: t(`invite.days.${value}`) }))}
        onChange={(value) => value && setUntil(value as (typeof days)[number])}
      />
      <TextInput
        type="email"
        label={t("invite.email")}
        value={email}
        error={problem?.field("email")}
        onChange={(event) => setEmail(event.currentTarget.value)}
      />
    </FormDialog>
  );
}

type ReadyProps = { invitation: Invitation; onClose: () => void; onAnother: () => void };

function Ready({ invitation, onClose, onAnother }: ReadyProps) {
  const t = useText(workspacesText);
  const common = useText(commonText);
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("invite.title")}
      closeButtonProps={{ "aria-label": common("close") }}
    >
      <div className={dialog.form}>
        <p>{t("invite.ready")}</p>
        <CopyField value={invitation.url} label={t("invite.link")} />
        <div className={dialog.actions}>
          <Button variant="default" onClick={onAnother}>
            {t("invite.another")}
          </Button>
          <Button onClick={onClose}>{t("invite.done")}</Button>
        </div>
      </div>
    </Modal>
  );
}
