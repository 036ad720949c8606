import { ActionIcon, Menu } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { Icon } from "@/components/icon";
import { PersonAvatar, PersonName } from "@/components/person-avatar";
import { StateLabel } from "@/components/state-ring";
import { formatFullTime, formatNumber, formatTime, useText } from "@/i18n";
import type { Flow } from "@/lib/api";
import { flowsText } from "../text";
import classes from "./flow-row.module.css";

export type FlowAction = "rename" | "delete";

type Props = {
  workspaceId: string;
  flow: Flow;
  canEdit: boolean;
  onAction: (action: FlowAction, flow: Flow) => void;
};

type RowProps = Props & { people: readonly { id: string; name: string; color: number }[] };

export function FlowRow({ workspaceId, flow, people, canEdit, onAction }: RowProps) {
  const t = useText(flowsText);
  const params = { ws: workspaceId, flow: flow.id };
  return (
    <tr>
      <td>
        <Link
          to="/w/$ws/flows/$flow"
          params={params}
          className={classes.name}
          title={flow.description || flow.name}
        >
          <span className="cut">{flow.name}</span>
          <HereNow people={people} />
          {flow.description && <span className={`cut ${classes.about}`}>{flow.description}</span>}
        </Link>
      </td>
      <td data-align="right" className="num muted">
        {formatNumber(flow.node_count)}
      </td>
      <td>
        {flow.last_run ? (
          <Link
            to="/w/$ws/runs/$run"
            params={{ ws: workspaceId, run: flow.last_run.id }}
            className={classes.run}
            title={flow.last_run.finished_at ? formatFullTime(flow.last_run.finished_at) : undefined}
          >
            <StateLabel state={flow.last_run.state} />
            {flow.last_run.finished_at && (
              <span className="muted">{formatTime(flow.last_run.finished_at)}</span>
            )}
          </Link>
        ) : (
          <span className="muted">{t("never")}</span>
        )}
      </td>
      <td className="muted" title={formatFullTime(flow.updated_at)}>
        {formatTime(flow.updated_at)}
      </td>
      <td data-hide="wide">{flow.updated_by ? <PersonName person={flow.updated_by} /> : "—"}</td>
      <td data-align="right">
        <FlowMenu workspaceId={workspaceId} flow={flow} canEdit={canEdit} onAction={onAction} />
      </td>
    </tr>
  );
}

const SHOWN = 4;

function HereNow({ people }: Pick<RowProps, "people">) {
  const t = useText(flowsText);
  if (people.length === 0) return null;
  const names = people.map((person) => person.name).join(", ");
  const more = people.length - SHOWN;
  return (
    <span className={classes.here} title={t("here", { names })} data-testid="here-now">
      <span className="sr-only">{t("here", { names })}</span>
      {people.slice(0, SHOWN).map((person) => (
        <PersonAvatar key={person.id} person={person} size={18} />
      ))}
      {more > 0 && <span aria-hidden="true">+{more}</span>}
    </span>
  );
}

function FlowMenu({ workspaceId, flow, canEdit, onAction }: Props) {
  const t = useText(flowsText);
  const params = { ws: workspaceId, flow: flow.id };
  return (
    <Menu position="bottom-end" width={180}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={24} aria-label={t("menu", { name: flow.name })}>
          <Icon name="more" size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<Icon name="open" />}
          renderRoot={(props) => <Link to="/w/$ws/flows/$flow" params={params} {...props} />}
        >
          {t("open")}
        </Menu.Item>
        <Menu.Item
          leftSection={<Icon name="history" />}
          renderRoot={(props) => <Link to="/w/$ws/flows/$flow/history" params={params} {...props} />}
        >
          {t("history")}
        </Menu.Item>
        <Menu.Item
          leftSection={<Icon name="run-history" />}
          renderRoot={(props) => (
            <Link to="/w/$ws/runs" params={{ ws: workspaceId }} search={{ flow: flow.id }} {...props} />
          )}
        >
          {t("runs")}
        </Menu.Item>
        {canEdit && (
          <>
            <Menu.Divider />
            <Menu.Item leftSection={<Icon name="pencil" />} onClick={() => onAction("rename", flow)}>
              {t("rename")}
            </Menu.Item>
            <Menu.Item
              leftSection={<Icon name="trash" />}
              c="var(--danger-text)"
              onClick={() => onAction("delete", flow)}
            >
              {t("delete")}
            </Menu.Item>
          </>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
