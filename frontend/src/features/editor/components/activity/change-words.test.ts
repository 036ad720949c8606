import { expect, test } from "vitest";
import type { Activity } from "@/lib/api";
import { changeWords, didWords, type Naming } from "./change-words";
import { activityText } from "./text";

const naming: Naming = {
  type: (type) => (type === "notify" ? "Notify" : type),
  field: (_, field) => (field === "title" ? "Title" : field),
};
const change = (kind: string, name: string, fields: string[] = []) => ({ kind, id: name, name, fields });

test("the telling changes come first, moves are counted, names and settings are the reader's", () => {
  const changes = [
    change("node_moved", "a"),
    change("node_moved", "b"),
    change("node_configured", "notify", ["title", "x"]),
    change("edge_added", "Begin → notify"),
    change("node_added", "Think"),
    change("node_unheard_of", "?"),
  ];
  expect(changeWords(changes, activityText.text, naming)).toEqual([
    "Added Think",
    "Changed Notify: Title, x",
    "Connected Begin → Notify",
    "Moved 2 nodes",
  ]);
});

test("what a server-side writer did says where it came from", () => {
  const activity = { kind: "edited", origin: "api", summary: "", facts: {} } as unknown as Activity;
  expect(didWords(activity, activityText.text)).toBe("edited through the API");
  expect(didWords({ ...activity, kind: "restored", summary: "v2" }, activityText.text)).toBe("restored v2");
});
