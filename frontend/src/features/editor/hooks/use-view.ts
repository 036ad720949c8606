/** Moves this window's own view. Whoever does so follows nobody any more. */
import { type FitViewOptions, useReactFlow } from "@xyflow/react";
import { useMemo } from "react";
import { useEditor } from "../stores/context";

export type View = {
  /** Everything, or what the options name. */
  fit(options?: FitViewOptions): void;
  center(x: number, y: number, durationMs: number): void;
  zoomTo(zoom: number): void;
  zoomIn(): void;
  zoomOut(): void;
};

/** Zero for people who do not want things to move by themselves. */
export function gliding(durationMs: number): number {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : durationMs;
}

const FIT_MS = 240;
const WHOLE: FitViewOptions = { padding: 0.12, maxZoom: 1 };

export function useView(): View {
  const flow = useReactFlow();
  const { follow } = useEditor();
  return useMemo(() => {
    const own =
      <Arguments extends unknown[]>(move: (...given: Arguments) => Promise<boolean>) =>
      (...given: Arguments): void => {
        follow.stop();
        void move(...given);
      };
    return {
      fit: own((options: FitViewOptions = {}) =>
        flow.fitView({ ...WHOLE, ...options, duration: gliding(options.duration ?? FIT_MS) }),
      ),
      center: own((x: number, y: number, durationMs: number) =>
        flow.setCenter(x, y, { zoom: flow.getZoom(), duration: gliding(durationMs) }),
      ),
      zoomTo: own((zoom: number) => flow.zoomTo(zoom, { duration: gliding(160) })),
      zoomIn: own(() => flow.zoomIn({ duration: gliding(120) })),
      zoomOut: own(() => flow.zoomOut({ duration: gliding(120) })),
    };
  }, [flow, follow]);
}
