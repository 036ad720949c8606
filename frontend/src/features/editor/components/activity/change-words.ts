/** What one stretch was, in words: what its person did, and the changes, the telling ones first. */
import type { Activity } from "@/lib/api";
import type { activityText } from "./text";

type Words = (typeof activityText)["text"];
type Change = Activity["changes"][number];

const ORDER = [
  "node_added",
  "node_removed",
  "node_restored",
  "node_renamed",
  "node_configured",
  "text_edited",
  "edge_added",
  "edge_removed",
  "note_changed",
  "flow_changed",
] as const;
type Kind = (typeof ORDER)[number];

const rank = (change: Change): number => {
  const place = ORDER.indexOf(change.kind as Kind);
  return place < 0 ? ORDER.length : place;
};

/** What nodes without a name and fields are called in the reader's language. */
export type Naming = { type: (type: string) => string; field: (node: string, field: string) => string };

/** A node without a name is told by its type, an edge by both ends. */
function nameOf(name: string, naming: Naming): string {
  return name.split(" → ").map(naming.type).join(" → ");
}

/** Moves say little one by one and are counted. */
export function changeWords(changes: readonly Change[], t: Words, naming: Naming): string[] {
  const moved = changes.filter((change) => change.kind === "node_moved");
  const lines = changes
    .filter((change) => rank(change) < ORDER.length)
    .sort((a, b) => rank(a) - rank(b))
    .map((change) =>
      t(`change.${change.kind as Kind}`, {
        name: nameOf(change.name, naming),
        was: change.was ?? "",
        fields: change.fields.map((field) => naming.field(change.id, field)).join(", "),
      }),
    );
  if (moved.length === 1 && moved[0])
    lines.push(t("change.node_moved", { name: nameOf(moved[0].name, naming) }));
  else if (moved.length > 1) lines.push(t("change.moved", { count: moved.length }));
  return lines;
}

const ORIGINS = ["api", "cli", "settings", "assistant", "import"] as const;

export function didWords({ kind, origin, summary, facts }: Activity, t: Words): string {
  const fact = (name: string): string => String(facts[name] ?? "");
  switch (kind) {
    case "created":
      return t("created");
    case "restored":
      return t("restored", { version: summary });
    case "version_committed":
    case "version_published":
      return t(kind, { number: fact("number") });
    case "template_installed":
      return t(kind, { template: fact("template") });
    default: {
      const known = ORIGINS.find((name) => name === origin);
      return known ? t(`edited.${known}`) : t("edited");
    }
  }
}
