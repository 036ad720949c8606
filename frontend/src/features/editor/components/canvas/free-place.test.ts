import { expect, test } from "vitest";
import type { FlowNode, NodeTypes, Point } from "@/flow-core";
import { freePlace } from "./free-place";
import { CARD_HEIGHT, CARD_WIDTH } from "./ports";

const types = { list: [], get: () => undefined } as unknown as NodeTypes;
const node = (id: string, pos: Point, parent?: string): FlowNode =>
  ({ id, type: "x", pos, config: {}, ...(parent ? { parent } : {}) }) as FlowNode;

const covers = (a: Point, b: Point): boolean =>
  Math.abs(a[0] - b[0]) < CARD_WIDTH && Math.abs(a[1] - b[1]) < CARD_HEIGHT;

test("a free place is taken as it is", () => {
  expect(freePlace([0, 0], "x", [node("a", [400, 0])], types)).toEqual([0, 0]);
});

test("nodes added at one place again and again never cover each other", () => {
  const nodes: FlowNode[] = [node("a", [40, 30])];
  for (let count = 0; count < 25; count += 1) {
    const place = freePlace([0, 0], "x", nodes, types);
    expect(nodes.filter(({ pos }) => covers(pos, place))).toEqual([]);
    nodes.push(node(`n${count}`, place));
  }
  // They stay together: all within a few cards of where they were wanted.
  expect(Math.max(...nodes.map(({ pos }) => Math.hypot(...pos)))).toBeLessThan(
    4 * (CARD_WIDTH + CARD_HEIGHT),
  );
});

test("inside a container only its own nodes are in the way", () => {
  const nodes = [node("loop", [0, 0]), node("inner", [20, 60], "loop")];
  const place = freePlace([24, 60], "x", nodes, types, "loop");
  expect(covers(place, [20, 60])).toBe(false);
  expect(freePlace([300, 60], "x", nodes, types, "loop")).toEqual([300, 60]);
});
