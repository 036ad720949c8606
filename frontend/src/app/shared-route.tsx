import { getRouteApi } from "@tanstack/react-router";
import { SharedFlowPage } from "@/features/sharing/shared-flow-page";

const route = getRouteApi("/shared/$token");

export function SharedRoute() {
  return <SharedFlowPage token={route.useParams().token} />;
}
