import { getRouteApi } from "@tanstack/react-router";
import { EditorPage } from "@/features/editor";

const route = getRouteApi("/shell/w/$ws/flows/$flow");

export function EditorRoute() {
  const { ws, flow } = route.useParams();
  const { run } = route.useSearch();
  return <EditorPage key={flow} workspaceId={ws} flowId={flow} {...(run ? { runId: run } : {})} />;
}
