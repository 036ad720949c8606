/** One open flow: makes its session, waits for what the screen needs, lays the panels out. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ReactFlowProvider } from "@xyflow/react";
import { useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { ProblemBlock } from "@/components/problem-view";
import { ApiProblem } from "@/lib/api";
import { nodeTypesChanged } from "@/lib/node-types";
import { useMe } from "@/lib/session";
import { flowQuery, nodeTypesQuery } from "./api/queries";
import { EditorLayout } from "./components/editor-layout";
import { EditorSkeleton, FlowClosed, Unreached } from "./components/editor-states";
import { type Catalogue, CatalogueProvider, SessionProvider } from "./stores/context";
import { EditorSession } from "./stores/session";
import { type KeptUi, keptUi } from "./stores/ui-store";

const GONE: ReadonlySet<number> = new Set([403, 404]);

type Props = { workspaceId: string; flowId: string };

export function EditorPage({ workspaceId, flowId }: Props) {
  const me = useMe();
  const flow = useQuery(flowQuery(workspaceId, flowId));
  // A flow that is gone is told by its room, which also offers what was not sent to it.
  const isGone = flow.error instanceof ApiProblem && GONE.has(flow.error.status);
  if (flow.error && !flow.data && !isGone)
    return <ProblemBlock error={flow.error} onRetry={() => void flow.refetch()} />;
  if (!me || (!flow.data && !isGone)) return <EditorSkeleton />;
  return <OpenFlow key={`${flowId}:${me.id}`} workspaceId={workspaceId} flowId={flowId} personId={me.id} />;
}

function OpenFlow({ workspaceId, flowId, personId }: Props & { personId: string }) {
  const [session, setSession] = useState<EditorSession | null>(null);
  const [lineage, setLineage] = useState(0);
  const looked = useRef<KeptUi>({});
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new lineage is a new document.
  useEffect(() => {
    const opened = new EditorSession({ workspaceId, flowId, personId, ui: looked.current });
    setSession(opened);
    const stop = opened.provider.subscribe(() => {
      if (opened.provider.mustReopen) setLineage((number) => number + 1);
    });
    return () => {
      stop();
      looked.current = keptUi(opened.ui.getState());
      opened.destroy();
    };
  }, [workspaceId, flowId, personId, lineage]);
  if (!session) return <EditorSkeleton />;
  return (
    <SessionProvider value={session}>
      <WithCatalogue key={lineage} session={session} />
    </SessionProvider>
  );
}

function WithCatalogue({ session }: { session: EditorSession }) {
  const query = useQuery(nodeTypesQuery(session.workspaceId));
  const queryClient = useQueryClient();
  useEffect(() => {
    session.typesChanged = () => void nodeTypesChanged(queryClient, session.workspaceId);
  }, [session, queryClient]);
  const opened = useOpened(session);
  const catalogue = useMemo<Catalogue | null>(() => {
    if (!query.data) return null;
    const byId = new Map(query.data.map((spec) => [spec.id, spec]));
    return { list: query.data, get: (type) => byId.get(type) };
  }, [query.data]);
  useEffect(() => {
    if (catalogue) session.setTypes(catalogue);
  }, [catalogue, session]);
  if (query.error && !catalogue)
    return <ProblemBlock error={query.error} onRetry={() => void query.refetch()} />;
  if (opened === "closed") return <FlowClosed />;
  if (!catalogue || opened === "opening") return <EditorSkeleton waits={<Unreached />} />;
  return (
    <CatalogueProvider value={catalogue}>
      <ReactFlowProvider>
        <EditorLayout />
      </ReactFlowProvider>
    </CatalogueProvider>
  );
}

/** Open once the first sync is there; later breaks keep the canvas and say so in the bar. */
function useOpened(session: EditorSession): "opening" | "open" | "closed" {
  const [opened, setOpened] = useState(false);
  const synced = useSyncExternalStore(session.provider.subscribe, () => session.provider.isSynced);
  const state = useSyncExternalStore(session.provider.subscribe, () => session.provider.connection.state);
  useEffect(() => {
    if (synced) setOpened(true);
  }, [synced]);
  if (opened || synced) return "open";
  return state === "closed" ? "closed" : "opening";
}
