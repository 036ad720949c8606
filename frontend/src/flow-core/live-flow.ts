/**
 * The flow as the screen reads it: the projection of a live document, recomputed only for what
 * changed. Parts that did not change keep their identity, so nothing that shows them re-renders.
 */
import type * as Y from "yjs";
import type { FlowEdge, FlowNode, FlowNote } from "./document";
import type { JsonObject } from "./json";
import { type MultiplePort, type Projection, project } from "./projection";
import { type FlowRoots, plain, type RawFlow, rawFlow } from "./schema";

export type LiveSnapshot = Projection & {
  nodesById: ReadonlyMap<string, FlowNode>;
  edgesById: ReadonlyMap<string, FlowEdge>;
};

export class LiveFlow {
  private raw: RawFlow;
  private current: LiveSnapshot;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly roots: FlowRoots,
    private multiple: MultiplePort,
  ) {
    this.raw = rawFlow(roots);
    this.current = this.read(null);
    roots.nodes.observeDeep(this.onNodes);
    for (const part of ["meta", "edges", "notes"] as const) roots[part].observe(this.onPlain[part]);
    roots.doc.on("afterTransaction", this.onTransaction);
  }

  private dirty = false;

  get snapshot(): LiveSnapshot {
    return this.current;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Called when node types arrive or change: ports decide which edges count. */
  setMultiple(multiple: MultiplePort): void {
    this.multiple = multiple;
    this.dirty = true;
    this.onTransaction();
  }

  destroy(): void {
    this.roots.nodes.unobserveDeep(this.onNodes);
    for (const part of ["meta", "edges", "notes"] as const) this.roots[part].unobserve(this.onPlain[part]);
    this.roots.doc.off("afterTransaction", this.onTransaction);
    this.listeners.clear();
  }

  private onNodes = (events: Y.YEvent<Y.AbstractType<unknown>>[]): void => {
    const touched = new Set<string>();
    for (const event of events) {
      if (event.path.length > 0) touched.add(String(event.path[0]));
      else for (const key of event.changes.keys.keys()) touched.add(key);
    }
    this.raw = { ...this.raw, nodes: refreshed(this.raw.nodes, touched, this.roots.nodes) };
    this.dirty = true;
  };

  private onPlain = {
    meta: (event: Y.YMapEvent<unknown>) => this.refreshPlain("meta", event),
    edges: (event: Y.YMapEvent<unknown>) => this.refreshPlain("edges", event),
    notes: (event: Y.YMapEvent<unknown>) => this.refreshPlain("notes", event),
  };

  private refreshPlain(part: "meta" | "edges" | "notes", event: Y.YMapEvent<unknown>): void {
    this.raw = {
      ...this.raw,
      [part]: refreshed(this.raw[part], event.keysChanged, this.roots[part]),
    };
    this.dirty = true;
  }

  private onTransaction = (): void => {
    if (!this.dirty) return;
    this.dirty = false;
    this.current = this.read(this.current);
    for (const listener of this.listeners) listener();
  };

  private read(before: LiveSnapshot | null): LiveSnapshot {
    const projection = project(this.raw, this.multiple);
    const document = {
      ...projection.document,
      nodes: keepIdentity(projection.document.nodes, this.rawOf("nodes"), before?.nodesById),
      edges: keepIdentity(projection.document.edges, this.rawOf("edges"), before?.edgesById),
      notes: keepIdentity<FlowNote>(
        projection.document.notes,
        this.rawOf("notes"),
        before && index(before.document.notes),
      ),
    };
    return {
      document,
      problems: projection.problems,
      nodesById: index(document.nodes),
      edgesById: index(document.edges),
    };
  }

  private readonly seen = { nodes: new Map<string, unknown>(), edges: new Map(), notes: new Map() };

  /** Whether an entry's raw value is the very one the last projection was made from. */
  private rawOf(part: "nodes" | "edges" | "notes"): (id: string) => boolean {
    const seen = this.seen[part];
    const raw = this.raw[part];
    return (id) => {
      const same = seen.get(id) === raw[id];
      seen.set(id, raw[id]);
      return same;
    };
  }
}

function refreshed(part: JsonObject, keys: Iterable<string>, map: Y.Map<unknown>): JsonObject {
  const next = { ...part };
  for (const key of keys) {
    if (map.has(key)) next[key] = plain(map.get(key));
    else delete next[key];
  }
  return next;
}

function keepIdentity<T extends { id: string }>(
  items: T[],
  unchanged: (id: string) => boolean,
  before: ReadonlyMap<string, T> | null | undefined,
): T[] {
  return items.map((item) => {
    const known = unchanged(item.id) ? before?.get(item.id) : undefined;
    // A parent may be dropped because of another node, so it is compared even when the raw value is the same.
    return known && (known as { parent?: string }).parent === (item as { parent?: string }).parent
      ? known
      : item;
  });
}

function index<T extends { id: string }>(items: readonly T[]): Map<string, T> {
  return new Map(items.map((item) => [item.id, item]));
}
