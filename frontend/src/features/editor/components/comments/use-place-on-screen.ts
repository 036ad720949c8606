/** Where a card beside a place of the canvas fits on the screen. */
import { useStore } from "@xyflow/react";
import { useLayoutEffect, useRef, useState } from "react";
import type { Point } from "@/flow-core";

const GAP = 12;
/** The pin's own width: the card stands right of it. */
const BESIDE = 22;

export function usePlaceOnScreen(at: Point | null) {
  const ref = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 320, height: 160 });
  const x = useStore((state) => (at ? at[0] * state.transform[2] + state.transform[0] : Infinity));
  const y = useStore((state) => (at ? at[1] * state.transform[2] + state.transform[1] : GAP));
  const width = useStore((state) => state.width);
  const height = useStore((state) => state.height);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return;
    const watch = new ResizeObserver(() =>
      setSize({ width: element.offsetWidth, height: element.offsetHeight }),
    );
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const fitsRight = x + BESIDE + size.width + GAP <= width;
  const wanted = fitsRight ? x + BESIDE : x - BESIDE - size.width;
  return {
    ref,
    left: Math.max(GAP, Math.min(wanted, width - size.width - GAP)),
    top: Math.max(GAP, Math.min(y - GAP, height - size.height - GAP)),
  };
}
