import { useParams } from "@tanstack/react-router";
import { EditorPage } from "@/features/editor";

export function EditorRoute() {
  const { ws, flow } = useParams({ from: "/w/$ws/flows/$flow" });
  return <EditorPage key={flow} workspaceId={ws} flowId={flow} />;
}
