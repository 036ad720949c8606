import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { CursorMotion, type View } from "./cursor-motion";

const user = { id: "p2", name: "Emil", color: 2 };
let frames: FrameRequestCallback[] = [];
let now = 0;

beforeEach(() => {
  frames = [];
  now = 1_000;
  vi.useFakeTimers();
  vi.spyOn(performance, "now").mockImplementation(() => now);
  vi.stubGlobal("requestAnimationFrame", (call: FrameRequestCallback) => frames.push(call));
  vi.stubGlobal("cancelAnimationFrame", () => undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function paint(ms = 16): void {
  now += ms;
  for (const call of frames.splice(0)) call(now);
}

function scene() {
  const awareness = new Awareness(new Y.Doc());
  const view: View = { x: 0, y: 0, zoom: 1, width: 800, height: 600 };
  const motion = new CursorMotion(
    awareness,
    () => view,
    () => false,
  );
  const element = document.createElement("div");
  motion.attach(7, element);
  const point = (x: number, y: number): void => {
    awareness.states.set(7, { user, cursor: { x, y } });
    awareness.emit("change", [{ added: [], updated: [7], removed: [] }, "remote"]);
  };
  return { awareness, view, motion, element, point };
}

test("a pointer glides to where it is told to be, then asks for no more frames", () => {
  const { element, point, motion } = scene();
  point(100, 100);
  paint();
  point(200, 100);
  paint();
  const between = Number(/translate\(([\d.]+)px/.exec(element.style.transform)?.[1]);
  expect(between).toBeGreaterThan(100);
  expect(between).toBeLessThan(200);
  for (let count = 0; count < 60; count += 1) paint();
  expect(element.style.transform).toBe("translate(200.0px, 100.0px)");
  expect(frames).toHaveLength(0);
  motion.destroy();
});

test("a pointer beyond the edge is marked at the edge", () => {
  const { element, point, motion, view } = scene();
  point(2_000, 300);
  paint();
  expect(element.dataset.away).toBe("true");
  expect(element.style.transform).toBe("translate(786.0px, 300.0px)");
  view.x = -1_500;
  motion.wake();
  paint();
  expect(element.dataset.away).toBe("false");
  motion.destroy();
});

test("a pointer that rests is hidden until it moves again", () => {
  const { element, point, motion } = scene();
  point(10, 10);
  paint();
  expect(element.dataset.shown).toBe("true");
  now += 13_000;
  vi.advanceTimersByTime(13_000);
  paint();
  expect(element.dataset.shown).toBe("false");
  point(11, 10);
  paint();
  expect(element.dataset.shown).toBe("true");
  motion.destroy();
});
