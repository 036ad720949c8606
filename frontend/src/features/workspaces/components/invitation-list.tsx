import { Button } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { commonText } from "@/components/common-text";
import { Icon } from "@/components/icon";
import { QueryView } from "@/components/query-view";
import { type Column, Table, TableSkeleton } from "@/components/table";
import { tell, tellProblem } from "@/components/toast";
import { formatFullTime, formatTime, useText } from "@/i18n";
import type { Invitation } from "@/lib/api";
import { invitationsQuery, useInvitationRevoke } from "../api";
import classes from "../members-page.module.css";
import { workspacesText } from "../text";

export function InvitationList({ workspaceId }: { workspaceId: string }) {
  const t = useText(workspacesText);
  const query = useQuery(invitationsQuery(workspaceId));
  const columns = useMemo<Column[]>(
    () => [
      { key: "for", label: t("invites.for") },
      { key: "role", label: t("invites.role"), width: 110 },
      { key: "until", label: t("invites.until"), width: 170 },
      { key: "used", label: t("invites.usedTitle"), width: 90 },
      { key: "actions", label: "", width: 230 },
    ],
    [t],
  );
  return (
    <section aria-labelledby="open-invitations">
      <h2 id="open-invitations" className={classes.section}>
        {t("invites.title")}
      </h2>
      <QueryView
        query={query}
        skeleton={<TableSkeleton label={t("invites.title")} columns={columns} rows={2} />}
        isEmpty={(items) => items.length === 0}
        empty={<p className={classes.quiet}>{t("invites.empty")}</p>}
      >
        {(items) => (
          <Table label={t("invites.title")} columns={columns}>
            {items.map((invitation) => (
              <InvitationRow key={invitation.id} workspaceId={workspaceId} invitation={invitation} />
            ))}
          </Table>
        )}
      </QueryView>
    </section>
  );
}

function InvitationRow({ workspaceId, invitation }: { workspaceId: string; invitation: Invitation }) {
  const t = useText(workspacesText);
  const common = useText(commonText);
  const clipboard = useClipboard({ timeout: 2000 });
  const revoke = useInvitationRevoke(workspaceId);
  const take = () =>
    revoke.mutate(invitation.id, { onSuccess: () => tell(t("invites.revoked")), onError: tellProblem });
  return (
    <tr>
      <td>{invitation.email || <span className="muted">{t("invites.anyone")}</span>}</td>
      <td>{common(`role.${invitation.role}`)}</td>
      <td className="muted" title={formatFullTime(invitation.expires_at)}>
        {formatTime(invitation.expires_at)}
      </td>
      <td className="muted">{t("invites.used", { count: invitation.accepted_count })}</td>
      <td data-align="right">
        <Button.Group style={{ justifyContent: "flex-end" }}>
          <Button
            size="xs"
            variant="default"
            leftSection={<Icon name={clipboard.copied ? "check" : "copy"} size={12} />}
            onClick={() => clipboard.copy(invitation.url)}
          >
            {clipboard.copied ? common("copied") : t("invites.copy")}
          </Button>
          <Button
            size="xs"
            variant="default"
            c="var(--danger-text)"
            loading={revoke.isPending}
            onClick={take}
          >
            {t("invites.revoke")}
          </Button>
        </Button.Group>
      </td>
    </tr>
  );
}
