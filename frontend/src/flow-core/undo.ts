/**
 * Undo of one's own changes only; one gesture is one step, and steps outlive a reload of the page.
 *
 * A step is the inverse of what was done, in words of the flow. Taking it back checks each part
 * against what is there now, so that nothing anybody else has changed since is touched.
 */
import type { ChangeRecorder, Recorded } from "./change-recorder";
import { type Change, inverseOf, joined } from "./changes";
import type { Written } from "./changes-writer";
import { LocalOrigin } from "./operations";

export type UndoState = { canUndo: boolean; canRedo: boolean };

/** `changes` is what was done; undoing writes the inverse. */
type Step = { changes: Change[] };
type Kept = { undo: Step[]; redo: Step[] };

/** Where steps survive a reload; a tab's own. */
export type UndoMemory = { load(): string | null; save(text: string): void };

type Write = (changes: readonly Change[], origin: UndoOrigin) => Written;

/** Marks an undo or redo: it is no step of its own. */
export class UndoOrigin {
  constructor(readonly name: "undo" | "redo") {}
}

/** A pause this long ends a step. */
const GROUP_MS = 500;
/** Who types without a pause still takes back some words at a time, not the whole text. */
const TYPING_MS = 4_000;
const MAX_STEPS = 100;
/** A tab's memory is small, and a step that writes off a huge paste is rarely wanted after a reload. */
const MAX_KEPT_LETTERS = 1_000_000;
const SAVE_MS = 400;

export class FlowUndo {
  private undoSteps: Step[] = [];
  private redoSteps: Step[] = [];
  private lastAt = Number.NEGATIVE_INFINITY;
  /** When the newest step began. */
  private begunAt = 0;
  private readonly tracked = new Set<unknown>([LocalOrigin]);
  private readonly listeners = new Set<() => void>();
  private saveTimer: ReturnType<typeof setTimeout> | null = null;
  private readonly stop: () => void;
  private current: UndoState = { canUndo: false, canRedo: false };

  constructor(
    recorder: ChangeRecorder,
    private readonly write: Write,
    private readonly memory: UndoMemory | null = null,
    private readonly now: () => number = Date.now,
  ) {
    this.stop = recorder.subscribe((recorded) => this.record(recorded));
    this.restore();
  }

  get state(): UndoState {
    return this.current;
  }

  /** Changes by another kind of writer of this page, such as the text editor, count as own steps. */
  track(origin: unknown): void {
    this.tracked.add(origin);
  }

  /** Ends a gesture: what follows is a step of its own. */
  cut(): void {
    this.lastAt = Number.NEGATIVE_INFINITY;
  }

  /** A change the server made for this person, as one step. */
  add(changes: readonly Change[]): void {
    if (changes.length === 0) return;
    this.undoSteps.push({ changes: [...changes] });
    this.redoSteps = [];
    this.cut();
    this.changed();
  }

  /** Takes the newest step back that can still be taken back; returns what others stood in the way of. */
  undo(): readonly Change[] {
    return this.turn("undo");
  }

  redo(): readonly Change[] {
    return this.turn("redo");
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Writes the steps to the tab's memory now; the page is going. */
  save(): void {
    if (this.saveTimer) clearTimeout(this.saveTimer);
    this.saveTimer = null;
    if (!this.memory) return;
    for (let count = this.undoSteps.length; count >= 0; count -= Math.ceil(count / 2) || 1) {
      const kept: Kept = { undo: count > 0 ? this.undoSteps.slice(-count) : [], redo: this.redoSteps };
      const text = JSON.stringify(kept);
      if (text.length <= MAX_KEPT_LETTERS) {
        this.memory.save(text);
        return;
      }
    }
  }

  destroy(): void {
    if (this.saveTimer) this.save();
    this.stop();
    this.listeners.clear();
  }

  private turn(name: "undo" | "redo"): readonly Change[] {
    const [from, to] = name === "undo" ? [this.undoSteps, this.redoSteps] : [this.redoSteps, this.undoSteps];
    let refused: readonly Change[] = [];
    for (let step = from.pop(); step; step = from.pop()) {
      const wanted = name === "undo" ? inverseOf(step.changes) : step.changes;
      const written = this.write(wanted, new UndoOrigin(name));
      refused = written.refused;
      if (written.applied.length > 0) {
        to.push({ changes: name === "undo" ? inverseOf(written.applied) : written.applied });
      }
      // A step that others have overtaken is said so; one that is true already is passed over.
      if (written.applied.length > 0 || refused.length > 0) break;
    }
    this.cut();
    this.changed();
    return refused;
  }

  private record({ changes, origin }: Recorded): void {
    const isTracked =
      typeof origin === "object" && origin !== null && this.tracked.has((origin as object).constructor);
    if (!isTracked) return;
    const at = this.now();
    const last = this.undoSteps.at(-1);
    const isTyping = changes.every((change) => change.op === "text");
    const isOld = isTyping && at - this.begunAt > TYPING_MS;
    if (last && at - this.lastAt < GROUP_MS && !isOld) last.changes = joined(last.changes, changes);
    else {
      this.undoSteps.push({ changes: [...changes] });
      this.begunAt = at;
    }
    if (this.undoSteps.length > MAX_STEPS) this.undoSteps.shift();
    this.lastAt = at;
    this.redoSteps = [];
    this.changed();
  }

  private restore(): void {
    const text = this.memory?.load();
    if (!text) return;
    try {
      const kept = JSON.parse(text) as Partial<Kept>;
      this.undoSteps = Array.isArray(kept.undo) ? kept.undo : [];
      this.redoSteps = Array.isArray(kept.redo) ? kept.redo : [];
    } catch {
      return;
    }
    this.tell();
  }

  private changed(): void {
    if (this.memory) this.saveTimer ??= setTimeout(() => this.save(), SAVE_MS);
    this.tell();
  }

  private tell(): void {
    this.current = { canUndo: this.undoSteps.length > 0, canRedo: this.redoSteps.length > 0 };
    for (const listener of this.listeners) listener();
  }
}
