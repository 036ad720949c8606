import { Modal } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { QueryView } from "@/components/query-view";
import { Table, TableSkeleton } from "@/components/table";
import { formatFullTime, useText } from "@/i18n";
import type { Credential } from "@/lib/api";
import { flowsNamingQuery, usesQuery } from "../api";
import classes from "../credentials.module.css";
import { credentialsText } from "../text";

type Props = { workspaceId: string; credential: Credential; onClose: () => void };

/** Who uses a credential: flows that name it, and the log of its uses. */
export function CredentialDetails({ workspaceId, credential, onClose }: Props) {
  const t = useText(credentialsText);
  const uses = useQuery(usesQuery(workspaceId, credential.id));
  const columns = [
    { key: "at", label: t("use.at"), width: 180 },
    { key: "by", label: t("use.by"), width: 140 },
    { key: "host", label: t("use.host") },
  ];
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("details.title", { name: credential.name })}
      size={620}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      <h3 className={classes.heading}>{t("details.flows")}</h3>
      <FlowsNaming workspaceId={workspaceId} name={credential.name} />
      <h3 className={classes.heading}>{t("details.uses")}</h3>
      <QueryView
        query={uses}
        skeleton={<TableSkeleton label={t("details.uses")} columns={columns} rows={3} />}
        isEmpty={(items) => items.length === 0}
        empty={<p className="muted">{t("details.unused")}</p>}
      >
        {(items) => (
          <div className={classes.log}>
            <Table label={t("details.uses")} columns={columns}>
              {items.map((use) => (
                <tr key={`${use.used_at} ${use.run_id} ${use.host}`}>
                  <td>{formatFullTime(use.used_at)}</td>
                  <td>
                    {use.run_id ? (
                      <Link to="/w/$ws/runs/$run" params={{ ws: workspaceId, run: use.run_id }}>
                        {t("use.run")}
                      </Link>
                    ) : (
                      <span className="muted">{t("use.test")}</span>
                    )}
                  </td>
                  <td className="mono muted">{use.host || t("use.inside")}</td>
                </tr>
              ))}
            </Table>
          </div>
        )}
      </QueryView>
    </Modal>
  );
}

export function FlowsNaming({ workspaceId, name }: { workspaceId: string; name: string }) {
  const t = useText(credentialsText);
  const flows = useQuery(flowsNamingQuery(workspaceId, name));
  return (
    <QueryView
      query={flows}
      skeleton={<p className="muted">…</p>}
      isEmpty={(items) => items.length === 0}
      empty={<p className="muted">{t("details.noFlows")}</p>}
    >
      {(items) => (
        <ul className={classes.flows}>
          {items.map((flow) => (
            <li key={flow.id}>
              <Link to="/w/$ws/flows/$flow" params={{ ws: workspaceId, flow: flow.id }}>
                {flow.name}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </QueryView>
  );
}
