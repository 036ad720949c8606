/** The changes between two flows as people read them: one group per thing, with its fields before and after. */
import type { Change, FlowDefinition, FlowNode, Json } from "@/lib/api";

export type Sort = "added" | "changed" | "removed";
export type FieldChange = { path: string; before: Json; after: Json };
export type Group = {
  key: string;
  sort: Sort;
  subject:
    | { is: "node"; id: string; name: string; type: string }
    | { is: "edge"; from: string; to: string }
    | { is: "flow" };
  moved: boolean;
  fields: FieldChange[];
};

export type Sides = { before: FlowDefinition | null; after: FlowDefinition | null };

export function sortOf({ kind }: Pick<Change, "kind">): Sort {
  if (kind.endsWith("_added")) return "added";
  return kind.endsWith("_removed") ? "removed" : "changed";
}

function nodeIn(side: FlowDefinition | null, id: string): FlowNode | undefined {
  return side?.nodes.find((node) => node.id === id);
}

function valueAt(node: FlowNode | undefined, path: string): Json {
  let value: unknown = node;
  for (const step of path.split(".")) {
    if (typeof value !== "object" || value === null) return null;
    value = (value as Record<string, unknown>)[step];
  }
  return (value ?? null) as Json;
}

/** The patch does not always say both sides (an edited text says only what was inserted); the flows do. */
function fieldOf(change: Change, { before, after }: Sides): FieldChange {
  const { node_id, path } = change;
  if (node_id === "") return { path, before: change.before, after: change.after };
  return {
    path,
    before: change.before ?? valueAt(nodeIn(before, node_id), path),
    after: change.after ?? valueAt(nodeIn(after, node_id), path),
  };
}

function subjectOf(change: Change, sides: Sides): Group["subject"] {
  const nameOf = (id: string) => nodeIn(sides.after, id)?.name || nodeIn(sides.before, id)?.name || id;
  if (change.edge_id !== "") {
    const [source = "", target = ""] = change.edge_id.split(">");
    return { is: "edge", from: nameOf(source.split(":")[0] ?? ""), to: nameOf(target.split(":")[0] ?? "") };
  }
  if (change.node_id === "") return { is: "flow" };
  const node = nodeIn(sides.after, change.node_id) ?? nodeIn(sides.before, change.node_id);
  return { is: "node", id: change.node_id, name: nameOf(change.node_id), type: node?.type ?? "" };
}

/** Groups in the order first met; a node that was both moved and changed is one group. */
export function groupChanges(changes: readonly Change[], sides: Sides): Group[] {
  const groups = new Map<string, Group>();
  for (const change of changes) {
    const sort = sortOf(change);
    const key = `${sort}:${change.node_id || change.edge_id || "flow"}`;
    const group = groups.get(key) ?? {
      key,
      sort,
      subject: subjectOf(change, sides),
      moved: false,
      fields: [],
    };
    if (change.kind === "node_moved") group.moved = true;
    if (change.path !== "") group.fields.push(fieldOf(change, sides));
    groups.set(key, group);
  }
  return [...groups.values()];
}

export type Shown =
  | { as: "values"; before: string | null; after: string | null }
  | { as: "words"; before: string; after: string };

const longText = 40;
const longValue = 240;

function short(value: Json): string | null {
  if (value === null) return null;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > longValue ? `${text.slice(0, longValue)}…` : text;
}

/** Long texts are compared word by word, everything else value by value. */
export function shownAs({ before, after }: FieldChange): Shown {
  if (
    typeof before === "string" &&
    typeof after === "string" &&
    Math.max(before.length, after.length) > longText
  ) {
    return { as: "words", before, after };
  }
  return { as: "values", before: short(before), after: short(after) };
}
