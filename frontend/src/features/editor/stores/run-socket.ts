/** The live event stream of a flow's runs; resumes after the last event it has seen. */
import type { RunEvent, RunSummary } from "../api/types";
import { applyEvents, isFinal, noteRun, type RunStore } from "./run-store";

const RETRY_FIRST_MS = 300;
const RETRY_MAX_MS = 5_000;

type Message =
  | { type: "snapshot"; runs: (Partial<RunSummary> & { id: string })[] }
  | { type: "events"; events: RunEvent[] }
  | { type: "node_types_changed" }
  | RunEvent;

export class RunSocket {
  private socket: WebSocket | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private attempts = 0;
  private destroyed = false;
  private queue: RunEvent[] = [];
  private frame: number | null = null;

  constructor(
    private readonly url: string,
    private readonly store: RunStore,
    private readonly onEvents: (events: readonly RunEvent[]) => void,
    /** Somebody installed, changed or removed a plug-in of the workspace. */
    private readonly onTypes: () => void = () => undefined,
  ) {
    this.connect();
  }

  /** Asks for a run that was started elsewhere or that a page wants from its start. */
  follow(runId: string): void {
    if (this.socket?.readyState === 1) this.subscribe(runId);
  }

  destroy(): void {
    this.destroyed = true;
    if (this.timer) clearTimeout(this.timer);
    if (this.frame !== null) cancelAnimationFrame(this.frame);
    this.socket?.close(1000);
  }

  private connect(): void {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      this.attempts = 0;
      this.subscribe();
    };
    socket.onmessage = (event) => {
      if (typeof event.data === "string") this.receive(JSON.parse(event.data) as Message);
    };
    socket.onclose = (event) => {
      if (this.destroyed || (event.code >= 4400 && event.code < 4500)) return;
      const wait = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** this.attempts) * (0.5 + Math.random() / 2);
      this.attempts += 1;
      this.timer = setTimeout(() => this.connect(), wait);
    };
  }

  /** One subscription at a time: the runs still open from where they are, and all to come. */
  private subscribe(alsoRun?: string): void {
    const { runs } = this.store.getState();
    const open = [...runs.values()].filter((run) => !isFinal(run.state) || run.id === alsoRun);
    const after = Object.fromEntries(open.map((run) => [run.id, run.lastSeq]));
    if (alsoRun && !(alsoRun in after)) after[alsoRun] = 0;
    this.socket?.send(JSON.stringify({ type: "subscribe", runs: after, follow: true, bundle: true }));
  }

  private receive(message: Message): void {
    if (message.type === "node_types_changed") this.onTypes();
    else if (message.type === "snapshot" && "runs" in message) this.snapshot(message.runs);
    else if (message.type === "events" && "events" in message) this.enqueue(message.events);
    else if ("run_id" in message && "seq" in message) this.enqueue([message]);
  }

  private snapshot(runs: (Partial<RunSummary> & { id: string })[]): void {
    const newest = runs.reduce<string | null>((id, run) => run.id ?? id, null);
    for (const run of runs) noteRun(this.store, run, run.id === newest);
  }

  /** One screen update per frame, however fast a run is. */
  private enqueue(events: RunEvent[]): void {
    this.queue.push(...events);
    this.frame ??= requestAnimationFrame(() => {
      const batch = this.queue;
      this.queue = [];
      this.frame = null;
      applyEvents(this.store, batch);
      this.onEvents(batch);
    });
  }
}
