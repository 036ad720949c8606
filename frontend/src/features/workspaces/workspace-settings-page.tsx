import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { commonText } from "@/components/common-text";
import { Page } from "@/components/page";
import { ProblemNote } from "@/components/problem-view";
import { Section } from "@/components/section";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import type { Workspace } from "@/lib/api";
import { hasRole, useWorkspace } from "@/lib/workspaces";
import { useWorkspaceRename } from "./api";
import { AuditSection } from "./components/audit-section";
import { DeleteWorkspaceDialog } from "./components/delete-workspace-dialog";
import { KeepRunsSection } from "./components/keep-runs-section";
import { LeaveDialog } from "./components/member-dialogs";
import { PricesSection } from "./components/prices-section";
import { workspacesText } from "./text";
import classes from "./workspace-settings-page.module.css";

export function WorkspaceSettingsPage({ workspaceId }: { workspaceId: string }) {
  const t = useText(workspacesText);
  const workspace = useWorkspace(workspaceId);
  return (
    <Page title={t("settings.title")} aside={<span className="muted cut">{workspace?.name}</span>}>
      {workspace && <Sections workspace={workspace} />}
    </Page>
  );
}

function Sections({ workspace }: { workspace: Workspace }) {
  const t = useText(workspacesText);
  const common = useText(commonText);
  const owner = hasRole(workspace.role, "owner");
  const [open, setOpen] = useState<"delete" | "leave" | null>(null);
  return (
    <>
      <Section
        title={t("settings.general")}
        lead={
          workspace.kind === "personal"
            ? t(owner ? "settings.kind.personal" : "settings.kind.shared")
            : undefined
        }
      >
        {owner ? (
          <NameForm workspace={workspace} />
        ) : (
          <p className={classes.note}>{t("settings.notOwner")}</p>
        )}
        <p className={classes.note}>
          {t("settings.role")}: <b>{common(`role.${workspace.role}`)}</b> ·{" "}
          {t(`role.${workspace.role}.about`)}
        </p>
      </Section>
      <PricesSection workspaceId={workspace.id} canEdit={owner} />
      {owner && <KeepRunsSection key={workspace.keep_runs_days} workspace={workspace} />}
      {owner && <AuditSection workspaceId={workspace.id} />}
      {workspace.kind === "team" && (
        <Section
          danger
          title={owner ? t("settings.delete") : t("members.leave")}
          lead={owner ? t("settings.delete.lead") : t("members.leave.lead")}
        >
          <Button
            variant="default"
            c="var(--danger-text)"
            onClick={() => setOpen(owner ? "delete" : "leave")}
          >
            {owner ? t("settings.delete.open") : t("members.leave")}
          </Button>
        </Section>
      )}
      {open === "delete" && <DeleteWorkspaceDialog workspace={workspace} onClose={() => setOpen(null)} />}
      {open === "leave" && <LeaveDialog workspaceId={workspace.id} onClose={() => setOpen(null)} />}
    </>
  );
}

function NameForm({ workspace }: { workspace: Workspace }) {
  const t = useText(workspacesText);
  const rename = useWorkspaceRename(workspace.id);
  const [name, setName] = useState(workspace.name);
  const changed = name.trim() !== "" && name.trim() !== workspace.name;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (changed) rename.mutate(name.trim(), { onSuccess: () => tell(t("settings.saved")) });
  };
  return (
    <form onSubmit={submit} className={classes.row}>
      <TextInput
        label={t("field.name")}
        value={name}
        maxLength={80}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Button type="submit" loading={rename.isPending} disabled={!changed}>
        {t("settings.save")}
      </Button>
      {rename.error && <ProblemNote error={rename.error} />}
    </form>
  );
}
