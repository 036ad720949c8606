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

const WHOLE: FitViewOptions = { padding: 0.12, maxZoom: 1, duration: 240 };

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
      fit: own((options?: FitViewOptions) => flow.fitView({ ...WHOLE, ...options })),
      center: own((x: number, y: number, durationMs: number) =>
        flow.setCenter(x, y, { zoom: flow.getZoom(), duration: durationMs }),
      ),
      zoomTo: own((zoom: number) => flow.zoomTo(zoom, { duration: 160 })),
      zoomIn: own(() => flow.zoomIn({ duration: 120 })),
      zoomOut: own(() => flow.zoomOut({ duration: 120 })),
    };
  }, [flow, follow]);
}
