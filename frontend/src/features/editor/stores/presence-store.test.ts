import { expect, test } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import type { FlowProvider } from "@/flow-core";
import { createPresenceStore } from "./presence-store";

function room(count: number) {
  const awareness = new Awareness(new Y.Doc());
  const tell = (id: number, state: Record<string, unknown>): void => {
    awareness.states.set(id, { user: { id: `p${id}`, name: `P${id}`, color: id }, ...state });
    awareness.emit("change", [{ added: [], updated: [id], removed: [] }, "room"]);
  };
  const store = createPresenceStore({ awareness } as FlowProvider);
  for (let id = 1; id <= count; id += 1) tell(id, { cursor: { x: 0, y: 0 } });
  return { tell, store };
}

test("fifty moving pointers tell nobody who shows people, selections or fields", () => {
  const { tell, store } = room(50);
  expect(store.getState().people).toHaveLength(50);
  let told = 0;
  store.subscribe(() => {
    told += 1;
  });
  for (let step = 1; step <= 20; step += 1) {
    for (let id = 1; id <= 50; id += 1) tell(id, { cursor: { x: step, y: id } });
  }
  expect(told).toBe(0);
  tell(7, { selection: ["a"], editing: { node: "a", field: "prompt" } });
  expect(told).toBe(1);
  expect(store.getState().selections.get("a")?.user.name).toBe("P7");
  expect(store.getState().editingNode.get("a")?.editing?.field).toBe("prompt");
});

test("writers without a window are no people with one", () => {
  const { tell, store } = room(1);
  tell(9, { user: { id: "p9", name: "P9", color: 1, role: "server" } });
  expect(store.getState().people.map((peer) => peer.user.id)).toEqual(["p1"]);
});
