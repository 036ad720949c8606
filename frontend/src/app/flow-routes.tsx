import { getRouteApi } from "@tanstack/react-router";
import { FlowListPage } from "@/features/flows/flow-list-page";

const route = getRouteApi("/shell/w/$ws/flows");

export function FlowListRoute() {
  const { ws } = route.useParams();
  const navigate = route.useNavigate();
  return (
    <FlowListPage
      key={ws}
      workspaceId={ws}
      creating={route.useSearch().new === true}
      onCreating={(on) => void navigate({ search: on ? { new: true } : {}, replace: true })}
    />
  );
}
