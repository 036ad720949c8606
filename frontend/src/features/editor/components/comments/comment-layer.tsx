/** Comments on the canvas: a pin per open thread, the thread that is open, the one being written. */
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useReactFlow, useStore, ViewportPortal } from "@xyflow/react";
import { useEffect } from "react";
import { PersonAvatar } from "@/components/person-avatar";
import { tell, tellProblem } from "@/components/toast";
import type { Point } from "@/flow-core";
import { useText } from "@/i18n";
import type { CommentThread } from "@/lib/api";
import { commentsQuery, useCommentActions } from "../../api/comments";
import { useCanComment, useCommentNews, useComments } from "../../hooks/use-comments";
import { useView } from "../../hooks/use-view";
import { useEditor, useFlow, useUi } from "../../stores/context";
import type { ThreadPlace } from "../../stores/ui-store";
import classes from "./comments.module.css";
import { Composer } from "./composer";
import { commentsText } from "./text";
import { ThreadCard } from "./thread-card";
import { useCommentTool } from "./use-comment-tool";
import { usePlaceOnScreen } from "./use-place-on-screen";

export function CommentLayer() {
  useCommentNews();
  useCommentTool();
  useThreadOfAddress();
  const threads = useComments();
  const open = useUi((state) => state.openThread);
  const draft = useUi((state) => state.newThread);
  const tool = useUi((state) => state.tool);
  const t = useText(commentsText);
  const shown = threads.filter((thread) => thread.resolved_at === null || thread.id === open);
  const opened = threads.find((thread) => thread.id === open);
  return (
    <>
      <ViewportPortal>
        {shown.map((thread) => (
          <Pin key={thread.id} thread={thread} isOpen={thread.id === open} />
        ))}
      </ViewportPortal>
      {opened && <OpenThread key={opened.id} thread={opened} />}
      {draft && <NewThread key={draft.at.join()} place={draft} />}
      {tool === "comment" && !draft && <div className={classes.hint}>{t("tool.hint")}</div>}
    </>
  );
}

/** An address may name a thread (a notification's does); it is opened once and leaves the address. */
function useThreadOfAddress(): void {
  const { ui, workspaceId, flowId } = useEditor();
  const t = useText(commentsText);
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const { thread } = useSearch({ strict: false });
  useEffect(() => {
    if (!thread) return;
    ui.setState({ openThread: thread, newThread: null, side: "comments" });
    void navigate({ to: ".", search: (before) => ({ ...before, thread: undefined }), replace: true });
    void queryClient.fetchQuery(commentsQuery(workspaceId, flowId)).then((threads) => {
      if (!threads.some(({ id }) => id === thread)) tell(t("deleted"));
    }, tellProblem);
  }, [thread, ui, navigate, queryClient, workspaceId, flowId, t]);
}

/** Where on the canvas a place is now; null when its node is gone. */
function useWhere(node: string | null, [x, y]: Point): Point | null {
  const pos = useFlow((flow) => (node ? flow.nodesById.get(node)?.pos : undefined));
  const dragged = useUi((state) => (node ? state.dragging?.get(node) : undefined));
  if (!node) return [x, y];
  const from = dragged ?? pos;
  return from ? [from[0] + x, from[1] + y] : null;
}

function Pin({ thread, isOpen }: { thread: CommentThread; isOpen: boolean }) {
  const { ui } = useEditor();
  const t = useText(commentsText);
  const at = useWhere(thread.node_id || null, [thread.x, thread.y]);
  if (!at) return null;
  const count = thread.comments.length;
  const name = thread.created_by?.name ?? t("former");
  return (
    <div
      className={classes.pinAt}
      style={{ transform: `translate(${at[0]}px, ${at[1]}px)` }}
      data-comments=""
    >
      <button
        type="button"
        className={`${classes.pin} nodrag nopan`}
        data-open={isOpen || undefined}
        data-resolved={thread.resolved_at !== null || undefined}
        data-testid="comment-pin"
        aria-label={t("pin", { count, name })}
        onClick={() =>
          ui.setState({ openThread: isOpen ? null : thread.id, newThread: null, tool: "pointer" })
        }
      >
        <PersonAvatar person={thread.created_by ?? { name, color: 8 }} size={20} />
        {count > 1 && <span className="num">{count}</span>}
      </button>
    </div>
  );
}

/** Follows its place on the screen and stays inside the canvas; a thread of a deleted node stands in the corner. */
function Floating({ at, children }: { at: Point | null; children: React.ReactNode }) {
  const place = usePlaceOnScreen(at);
  return (
    <div
      ref={place.ref}
      className={`${classes.floating} nowheel nodrag nopan`}
      style={{ left: place.left, top: place.top }}
      data-comments=""
    >
      {children}
    </div>
  );
}

function OpenThread({ thread }: { thread: CommentThread }) {
  const { ui } = useEditor();
  const flow = useReactFlow();
  const own = useView();
  const at = useWhere(thread.node_id || null, [thread.x, thread.y]);
  const [width, height] = useStore((state) => [state.width, state.height] as const, sameSize);
  // Once per opening: a thread reached from a list or a notice may lie anywhere.
  // biome-ignore lint/correctness/useExhaustiveDependencies: moving along later would pull at the view.
  useEffect(() => {
    if (!at || width === 0) return;
    const view = flow.getViewport();
    const [x, y] = [at[0] * view.zoom + view.x, at[1] * view.zoom + view.y];
    const isSeen = x > 24 && y > 24 && x < width - 24 && y < height - 24;
    if (!isSeen) own.center(at[0], at[1], 240);
  }, [thread.id, width === 0]);
  return (
    <Floating at={at}>
      <ThreadCard thread={thread} onClose={() => ui.setState({ openThread: null })} />
    </Floating>
  );
}

const sameSize = (a: readonly number[], b: readonly number[]): boolean => a[0] === b[0] && a[1] === b[1];

function NewThread({ place }: { place: ThreadPlace }) {
  const { ui, workspaceId, flowId, live } = useEditor();
  const t = useText(commentsText);
  const canComment = useCanComment();
  const actions = useCommentActions(workspaceId, flowId);
  const at = useWhere(place.node, place.at);
  const close = (): void => ui.setState({ newThread: null, tool: "pointer" });
  const send = async (body: string): Promise<void> => {
    const name = place.node ? (live.snapshot.nodesById.get(place.node)?.name ?? "") : "";
    const [x, y] = place.at;
    const thread = await actions.begin({ x, y, node_id: place.node ?? "", node_name: name }, body);
    ui.setState({ newThread: null, tool: "pointer", openThread: thread?.id ?? null });
  };
  if (!canComment) return null;
  return (
    <Floating at={at}>
      <section className={classes.card} aria-label={t("new")} data-testid="new-thread">
        <div className={classes.answer}>
          <Composer autoFocus placeholder={t("write")} action={t("send")} onSend={send} onCancel={close} />
        </div>
      </section>
    </Floating>
  );
}
