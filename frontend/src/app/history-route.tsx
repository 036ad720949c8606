import { getRouteApi } from "@tanstack/react-router";
import { PublishTemplateDialog } from "@/features/templates/publish-template-dialog";
import { HistoryPage } from "@/features/versions/history-page";

const route = getRouteApi("/shell/w/$ws/flows/$flow/history");

export function HistoryRoute() {
  const { ws, flow } = route.useParams();
  return (
    <HistoryPage
      key={flow}
      workspaceId={ws}
      flowId={flow}
      renderPublishTemplate={(props) => <PublishTemplateDialog workspaceId={ws} {...props} />}
    />
  );
}
