import { expect, test } from "vitest";
import type { Peer } from "@/flow-core";
import { leadsTo } from "./follow";

const peer = (clientId: number, following: number | null): Peer => ({
  clientId,
  user: { id: String(clientId), name: "", color: 1 },
  following,
});

test("a circle of followers is seen however long it is", () => {
  const peers = [peer(2, 3), peer(3, 4), peer(4, 1), peer(5, null)];
  expect(leadsTo(2, 1, peers)).toBe(true);
  expect(leadsTo(5, 1, peers)).toBe(false);
});

test("a circle of others does not keep the search going", () => {
  expect(leadsTo(2, 1, [peer(2, 3), peer(3, 2)])).toBe(false);
});
