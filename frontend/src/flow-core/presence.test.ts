import { expect, test } from "vitest";
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { PresenceSender, peersOf } from "./presence";

const user = { id: "p2", name: "Emil", color: 2 };

function pair(): { mine: Awareness; theirs: Awareness; sender: PresenceSender; show: () => void } {
  const [mine, theirs] = [new Awareness(new Y.Doc()), new Awareness(new Y.Doc())];
  const sender = new PresenceSender(mine, 0);
  // What the server does: it stamps who it is, and refuses what is too large.
  const show = (): void => {
    sender.flush();
    const state = { ...mine.getLocalState(), user };
    expect(JSON.stringify(state).length).toBeLessThan(4_096);
    theirs.states.set(mine.clientID, state);
  };
  return { mine, theirs, sender, show };
}

test("a drag of three hundred nodes stays within what the server lets through", () => {
  const { theirs, sender, show } = pair();
  const ids = Array.from({ length: 300 }, (_, index) => `some_node_type_${index}`);
  sender.set({ selection: ids, drag: { ids, dx: 4, dy: 8, from: { x: 1, y: 2 } } });
  show();
  const peer = peersOf(theirs)[0];
  expect(peer?.drag).toMatchObject({ dx: 4, dy: 8, from: { x: 1, y: 2 } });
  expect(peer?.drag?.ids.length).toBeGreaterThan(100);
  expect(peer?.drag?.ids).toEqual(peer?.selection);
});

test("what others send is read with care", () => {
  const { theirs } = pair();
  theirs.states.set(7, {
    user,
    cursor: { x: "no", y: Number.POSITIVE_INFINITY },
    viewport: { width: -1 },
    following: "me",
    drag: 5,
    selection: "all",
  });
  theirs.states.set(8, { cursor: { x: 1, y: 1 } });
  const peers = peersOf(theirs);
  expect(peers).toHaveLength(1);
  expect(peers[0]).toMatchObject({ cursor: { x: 0, y: 0 }, viewport: { x: 0, y: 0, width: 1, height: 1 } });
  expect(peers[0]?.following).toBeUndefined();
  expect(peers[0]?.drag).toBeUndefined();
});
