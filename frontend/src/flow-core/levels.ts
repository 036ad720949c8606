/**
 * Which level of a flow a node stands on, and what a connection between two levels orders; the same
 * answers as `sage_studio.flow.levels`. The graph of each level is acyclic on its own. A connection that
 * reaches into a container orders the container; one between a container and its own child orders nothing.
 */
export type Parents = (id: string) => string | undefined;
type Arc = readonly [source: string, target: string];

/** The containers around a node, innermost first; ends where parents run in a ring. */
export function containersOf(id: string, parentOf: Parents): string[] {
  const found: string[] = [];
  const seen = new Set([id]);
  let at = parentOf(id);
  while (at !== undefined && !seen.has(at)) {
    found.push(at);
    seen.add(at);
    at = parentOf(at);
  }
  return found;
}

/**
 * The two nodes of one level that a connection puts in order: its ends, or the containers they are in;
 * undefined between a container and what is inside it.
 */
export function lifted(source: string, target: string, parentOf: Parents): Arc | undefined {
  if (parentOf(source) === parentOf(target)) return [source, target];
  const aboveSource = [source, ...containersOf(source, parentOf)];
  const aboveTarget = [target, ...containersOf(target, parentOf)];
  if (aboveTarget.includes(source) || aboveSource.includes(target)) return undefined;
  const standing = new Map(aboveSource.map((id, index) => [aboveSource[index + 1], id]));
  for (const [index, id] of aboveTarget.entries()) {
    const other = standing.get(aboveTarget[index + 1]);
    if (other !== undefined) return [other, id];
  }
  return undefined;
}
