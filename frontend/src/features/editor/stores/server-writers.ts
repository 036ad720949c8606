/**
 * Writers that are no browser: REST, command line, import, rollback, assistant. Each shows among
 * the people for a while, and what was done in one's own name can be undone as one step.
 */
import { createStore } from "zustand/vanilla";
import { type Change, diffDocuments, type ServerChange } from "@/flow-core";
import type { EditorSession } from "./session";

export type ServerWriter = {
  /** Origin and person; the same writer shows once. */
  key: string;
  origin: string;
  personId: string | null;
  name: string;
  summary: string;
  nodes: readonly string[];
};

export type ServerWritersState = { writers: readonly ServerWriter[] };

const SHOWN_MS = 12_000;

export class ServerWriters {
  readonly store = createStore<ServerWritersState>()(() => ({ writers: [] }));
  private readonly timers = new Map<string, ReturnType<typeof setTimeout>>();
  private readonly stop: () => void;

  constructor(private readonly session: EditorSession) {
    this.stop = session.provider.onServerChange((change) => this.heard(change));
  }

  destroy(): void {
    this.stop();
    for (const timer of this.timers.values()) clearTimeout(timer);
  }

  private heard(change: ServerChange): void {
    const changes = this.whatCame();
    if (change.by === this.session.personId) this.session.undo.add(changes);
    const key = `${change.origin}:${change.by ?? ""}`;
    const writer: ServerWriter = {
      key,
      origin: change.origin,
      personId: change.by,
      name: change.name,
      summary: change.summary,
      nodes: [...new Set(changes.flatMap(touchedNode))],
    };
    const others = this.store.getState().writers.filter((known) => known.key !== key);
    this.store.setState({ writers: [...others, writer] });
    clearTimeout(this.timers.get(key));
    this.timers.set(
      key,
      setTimeout(() => this.leave(key), SHOWN_MS),
    );
  }

  /** The change has just arrived as an ordinary update; the notice follows it. */
  private whatCame(): Change[] {
    const { recorder } = this.session;
    const outside = recorder.outside;
    recorder.outside = null;
    return outside ? diffDocuments(outside.before, outside.after, { isText: recorder.isText }) : [];
  }

  private leave(key: string): void {
    this.timers.delete(key);
    const { writers } = this.store.getState();
    this.store.setState({ writers: writers.filter((writer) => writer.key !== key) });
  }
}

function touchedNode(change: Change): string[] {
  if (change.op === "add_node") return [change.node.id];
  if (change.op === "set" || change.op === "text" || change.op === "place") return [change.node];
  return [];
}
