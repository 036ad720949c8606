import { getRouteApi } from "@tanstack/react-router";
import { ApprovalsPage } from "@/features/runs/approvals-page";
import { RunListPage } from "@/features/runs/run-list-page";
import { RunPage } from "@/features/runs/run-page";

const list = getRouteApi("/shell/w/$ws/runs");
const approvals = getRouteApi("/shell/w/$ws/approvals");
const one = getRouteApi("/shell/w/$ws/runs/$run");

export function RunListRoute() {
  const { ws } = list.useParams();
  const filters = list.useSearch();
  const navigate = list.useNavigate();
  return (
    <RunListPage
      workspaceId={ws}
      filters={filters}
      onFilters={(next) => void navigate({ search: next, replace: true })}
    />
  );
}

export function RunRoute() {
  const { ws, run } = one.useParams();
  return <RunPage key={run} workspaceId={ws} runId={run} />;
}

export function ApprovalsRoute() {
  const { ws } = approvals.useParams();
  return <ApprovalsPage workspaceId={ws} />;
}
