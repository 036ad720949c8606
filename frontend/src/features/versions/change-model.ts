/** How a change of a flow is shown: added, changed or removed, as values or as words. */
import type { Change, Json } from "@/lib/api";

export type Sort = "added" | "changed" | "removed";

/** Kinds are an open list: everything that neither adds nor removes changes something. */
export function sortOf(change: Pick<Change, "kind">): Sort {
  if (/(^|_)(add|added)(_|$)/.test(change.kind)) return "added";
  if (/(^|_)(remove|removed|delete|deleted)(_|$)/.test(change.kind)) return "removed";
  return "changed";
}

export type Shown =
  | { as: "nothing" }
  | { as: "values"; before: string | null; after: string | null }
  | { as: "words"; before: string; after: string };

const longText = 40;
const longValue = 240;

function short(value: Json): string | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > longValue ? `${text.slice(0, longValue)}…` : text;
}

export function shownAs(change: Change): Shown {
  if (sortOf(change) !== "changed" || change.path === null) return { as: "nothing" };
  const { before, after } = change;
  if (
    typeof before === "string" &&
    typeof after === "string" &&
    Math.max(before.length, after.length) > longText
  ) {
    return { as: "words", before, after };
  }
  const shown = { before: short(before), after: short(after) };
  return shown.before === null && shown.after === null ? { as: "nothing" } : { as: "values", ...shown };
}
