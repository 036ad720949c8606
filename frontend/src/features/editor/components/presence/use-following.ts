/** The view goes with the person one follows, and is told to those who follow. */
import { type ReactFlowInstance, useReactFlow, useStoreApi } from "@xyflow/react";
import { type RefObject, useEffect } from "react";
import { tell } from "@/components/toast";
import { type Area, colorOf } from "@/flow-core";
import { useText } from "@/i18n";
import { collabText } from "../../collab-text";
import { gliding } from "../../hooks/use-view";
import { useEditor } from "../../stores/context";

/** Ten times a second is smooth when the follower glides between. */
const TELL_MS = 100;
const GLIDE_MS = 160;

export function useFollowing(layer: RefObject<HTMLElement | null>): void {
  useLeading();
  useGliding();
  useEndings(layer);
}

/** While somebody follows: what this window shows. */
function useLeading(): void {
  const { follow, presence } = useEditor();
  const store = useStoreApi();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    let isTold = false;
    const say = (): void => {
      timer = null;
      const { followers } = follow.store.getState();
      if (followers === 0 && !isTold) return;
      isTold = followers > 0;
      const { transform, width, height } = store.getState();
      const [x, y, zoom] = transform;
      const area: Area = { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom };
      presence.set({ viewport: isTold ? rounded(area) : null });
    };
    const later = (): void => {
      timer ??= setTimeout(say, TELL_MS);
    };
    const stops = [
      store.subscribe((state, before) => {
        if (state.transform !== before.transform && follow.store.getState().followers > 0) later();
      }),
      follow.store.subscribe((state, before) => {
        if (state.followers !== before.followers) later();
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      if (timer) clearTimeout(timer);
    };
  }, [follow, presence, store]);
}

function rounded({ x, y, width, height }: Area): Area {
  return { x: Math.round(x), y: Math.round(y), width: Math.round(width), height: Math.round(height) };
}

/** While following: the whole of what the leader sees, as large as it fits here. */
function useGliding(): void {
  const { follow } = useEditor();
  const flow = useReactFlow();
  const store = useStoreApi();
  useEffect(
    () =>
      follow.store.subscribe((state, before) => {
        if (!state.view || state.view === before.view) return;
        const { width, height } = store.getState();
        glide(flow, state.view, width, height);
      }),
    [follow, flow, store],
  );
}

function glide(flow: ReactFlowInstance, area: Area, width: number, height: number): void {
  const zoom = Math.min(2, Math.max(0.1, Math.min(width / area.width, height / area.height)));
  const x = width / 2 - (area.x + area.width / 2) * zoom;
  const y = height / 2 - (area.y + area.height / 2) * zoom;
  void flow.setViewport({ x, y, zoom }, { duration: gliding(GLIDE_MS), ease: (share) => share });
}

/** One's own pan, zoom or click ends it, and so does Escape or the leader's leaving. */
function useEndings(layer: RefObject<HTMLElement | null>): void {
  const { follow } = useEditor();
  const t = useText(collabText);
  useEffect(() => {
    const canvas = layer.current?.closest<HTMLElement>("[data-testid=canvas]");
    const stop = (): void => follow.stop();
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === "Escape") stop();
    };
    // In the capture phase: the canvas keeps these events to itself.
    canvas?.addEventListener("wheel", stop, { passive: true, capture: true });
    canvas?.addEventListener("pointerdown", stop, { capture: true });
    window.addEventListener("keydown", onKey);
    const stopLeft = follow.onLeft((leader) => tell(t("follow.left", { name: leader.user.name })));
    const stopStore = follow.store.subscribe(({ leader }) => {
      const element = layer.current;
      if (!element) return;
      element.toggleAttribute("data-following", leader !== null);
      if (leader) element.style.setProperty("--u", colorOf(leader.user));
    });
    return () => {
      canvas?.removeEventListener("wheel", stop, { capture: true });
      canvas?.removeEventListener("pointerdown", stop, { capture: true });
      window.removeEventListener("keydown", onKey);
      stopLeft();
      stopStore();
    };
  }, [follow, layer, t]);
}
