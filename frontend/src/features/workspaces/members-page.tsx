import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Icon } from "@/components/icon";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { type Column, Table, TableSkeleton } from "@/components/table";
import { useText } from "@/i18n";
import type { Member } from "@/lib/api";
import { useMe } from "@/lib/session";
import { useRights } from "@/lib/workspaces";
import { membersQuery } from "./api";
import { InvitationList } from "./components/invitation-list";
import { InviteDialog } from "./components/invite-dialog";
import { LeaveDialog, RemoveMemberDialog } from "./components/member-dialogs";
import { MemberRow } from "./components/member-row";
import classes from "./members-page.module.css";
import { workspacesText } from "./text";

export function MembersPage({ workspaceId }: { workspaceId: string }) {
  const t = useText(workspacesText);
  const me = useMe();
  const { canManage } = useRights(workspaceId);
  const query = useQuery(membersQuery(workspaceId));
  const [inviting, setInviting] = useState(false);
  const [removing, setRemoving] = useState<Member | null>(null);
  const columns = useMemo<Column[]>(
    () => [
      { key: "person", label: t("members.person") },
      { key: "email", label: t("members.email"), width: "30%" },
      { key: "role", label: t("members.role"), width: 170 },
      { key: "joined", label: t("members.joined"), width: 150, hideBelow: "wide" },
      { key: "actions", label: "", width: 56 },
    ],
    [t],
  );
  return (
    <Page
      flush
      title={t("members.title")}
      aside={query.data && <span className="muted">{t("members.count", { count: query.data.length })}</span>}
      actions={
        canManage ? (
          <Button leftSection={<Icon name="link" />} onClick={() => setInviting(true)}>
            {t("members.invite")}
          </Button>
        ) : (
          <span className={`muted ${classes.note}`}>{t("members.viewerNote")}</span>
        )
      }
    >
      <QueryView
        query={query}
        skeleton={<TableSkeleton label={t("members.title")} columns={columns} rows={4} />}
      >
        {(members) => (
          <Table label={t("members.title")} columns={columns}>
            {members.map((member) => (
              <MemberRow
                key={member.person.id}
                workspaceId={workspaceId}
                member={member}
                isMe={member.person.id === me?.id}
                canManage={canManage}
                onRemove={() => setRemoving(member)}
              />
            ))}
          </Table>
        )}
      </QueryView>
      {canManage && <InvitationList workspaceId={workspaceId} />}
      {inviting && <InviteDialog workspaceId={workspaceId} onClose={() => setInviting(false)} />}
      {removing?.person.id === me?.id && removing && (
        <LeaveDialog workspaceId={workspaceId} onClose={() => setRemoving(null)} />
      )}
      {removing && removing.person.id !== me?.id && (
        <RemoveMemberDialog workspaceId={workspaceId} member={removing} onClose={() => setRemoving(null)} />
      )}
    </Page>
  );
}
