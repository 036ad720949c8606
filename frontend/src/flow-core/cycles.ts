/**
 * Which edges to leave out so that a graph has no cycle; the same answer as
 * `sage_studio.flow.cycles` for every graph. Arcs come oldest first; one that would close a cycle
 * over those already taken loses.
 */
type Arc = readonly [source: string, target: string];

const MAX_STEPS = 1_000_000;

export function cycleLosers(arcs: readonly Arc[]): number[] {
  const knots = findKnots(arcs);
  const taken = new Taken();
  const losers: number[] = [];
  arcs.forEach(([source, target], index) => {
    const knot = knots.get(source);
    if (knot === undefined || knot !== knots.get(target)) return;
    if (taken.steps > MAX_STEPS || taken.closesCycle(source, target)) losers.push(index);
    else taken.add(source, target);
  });
  return losers;
}

/** The arcs taken so far, searched from both ends at once: the smaller side ends the search. */
class Taken {
  steps = 0;
  private readonly after = new Map<string, string[]>();
  private readonly before = new Map<string, string[]>();

  add(source: string, target: string): void {
    push(this.after, source, target);
    push(this.before, target, source);
  }

  closesCycle(source: string, target: string): boolean {
    if (source === target) return true;
    const ahead = { seen: new Set([target]), queue: [target], at: 0 };
    const behind = { seen: new Set([source]), queue: [source], at: 0 };
    while (ahead.at < ahead.queue.length && behind.at < behind.queue.length) {
      if (this.widen(this.after, ahead, behind.seen)) return true;
      if (this.widen(this.before, behind, ahead.seen)) return true;
    }
    return false;
  }

  private widen(
    arcs: ReadonlyMap<string, string[]>,
    side: { seen: Set<string>; queue: string[]; at: number },
    other: ReadonlySet<string>,
  ): boolean {
    const from = side.queue[side.at] ?? "";
    side.at += 1;
    for (const node of arcs.get(from) ?? []) {
      this.steps += 1;
      if (other.has(node)) return true;
      if (side.seen.has(node)) continue;
      side.seen.add(node);
      side.queue.push(node);
    }
    return false;
  }
}

/** Node → number of its strongly connected component, for components that hold a cycle (Tarjan). */
function findKnots(arcs: readonly Arc[]): Map<string, number> {
  const after = new Map<string, string[]>();
  const loops = new Set<string>();
  for (const [source, target] of arcs) {
    push(after, source, target);
    if (source === target) loops.add(source);
  }
  const search = new KnotSearch(after, loops);
  for (const root of after.keys()) search.visit(root);
  return search.component;
}

class KnotSearch {
  readonly component = new Map<string, number>();
  private readonly index = new Map<string, number>();
  private readonly low = new Map<string, number>();
  private readonly open: string[] = [];
  private readonly onStack = new Set<string>();
  private count = 0;

  constructor(
    private readonly after: ReadonlyMap<string, string[]>,
    private readonly loops: ReadonlySet<string>,
  ) {}

  /** Depth first without recursion: flows may be thousands of nodes deep. */
  visit(root: string): void {
    if (this.index.has(root)) return;
    const work = [this.enter(root)];
    for (let frame = work.at(-1); frame; frame = work.at(-1)) {
      const target = frame.targets[frame.next];
      frame.next += 1;
      if (target === undefined) {
        work.pop();
        const parent = work.at(-1);
        if (parent) this.lower(parent.node, this.low.get(frame.node) ?? 0);
        if (this.low.get(frame.node) === this.index.get(frame.node)) this.close(frame.node);
      } else if (!this.index.has(target)) {
        work.push(this.enter(target));
      } else if (this.onStack.has(target)) {
        this.lower(frame.node, this.index.get(target) ?? 0);
      }
    }
  }

  private enter(node: string): { node: string; targets: readonly string[]; next: number } {
    this.index.set(node, this.index.size);
    this.low.set(node, this.index.size - 1);
    this.open.push(node);
    this.onStack.add(node);
    return { node, targets: this.after.get(node) ?? [], next: 0 };
  }

  private lower(node: string, value: number): void {
    this.low.set(node, Math.min(this.low.get(node) ?? value, value));
  }

  private close(root: string): void {
    const members: string[] = [];
    for (let node = this.open.pop(); node !== undefined; node = this.open.pop()) {
      this.onStack.delete(node);
      members.push(node);
      if (node === root) break;
    }
    if (members.length === 1 && !this.loops.has(root)) return;
    for (const member of members) this.component.set(member, this.count);
    this.count += 1;
  }
}

function push(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}
