/** Finding a node type by what a person types, in either language. */
import type { NodeSpec } from "@/flow-core";

/** Best matches first; every word must be found somewhere. */
export function searchTypes(list: readonly NodeSpec[], query: string): NodeSpec[] {
  // A type's id may be typed as it stands in a file: its parts are words like others.
  const words = query
    .toLowerCase()
    .split(/[\s_]+/)
    .filter(Boolean);
  if (words.length === 0) return [...list];
  return list
    .map((spec) => ({ spec, score: scoreOf(spec, words) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score)
    .map(({ spec }) => spec);
}

function scoreOf(spec: NodeSpec, words: readonly string[]): number {
  const names = [spec.name.en, spec.name.zh, spec.id.replaceAll("_", " ")].map((text) => text.toLowerCase());
  const others = [spec.description.en, spec.description.zh, spec.category, spec.plugin ?? ""].map((text) =>
    text.toLowerCase().replaceAll("_", " "),
  );
  const aliases = (spec.aliases ?? []).map((text) => text.toLowerCase());
  let total = 0;
  for (const word of words) {
    const score = names.some((text) => text.startsWith(word))
      ? 8
      : names.some((text) => text.includes(word))
        ? 5
        : aliases.some((text) => text.includes(word))
          ? 4
          : others.some((text) => text.includes(word))
            ? 1
            : 0;
    if (score === 0) return 0;
    total += score;
  }
  return total;
}
