/**
 * Moves other people's pointers without React: positions are interpolated on animation frames and
 * written to the elements. Fifty moving pointers render nothing again; when nothing moves, no
 * frame is asked for.
 */
import type { Awareness } from "y-protocols/awareness";
import { peersOf } from "@/flow-core";

/** Screen = canvas × zoom + (x, y), inside a frame of this size. */
export type View = { x: number; y: number; zoom: number; width: number; height: number };

type Mark = {
  element: HTMLElement | null;
  at: { x: number; y: number } | null;
  target: { x: number; y: number } | null;
  movedAt: number;
};

const IDLE_MS = 12_000;
const SETTLE_MS = 55;
/** Nearer than this is there. */
const CLOSE = 0.3;
const EDGE = 14;

export class CursorMotion {
  private readonly marks = new Map<number, Mark>();
  private frame = 0;
  private last = 0;
  private readonly idleTimer: ReturnType<typeof setInterval>;

  constructor(
    private readonly awareness: Awareness,
    private readonly view: () => View,
    private readonly isStill: () => boolean,
  ) {
    awareness.on("change", this.read);
    this.idleTimer = setInterval(() => this.wake(), IDLE_MS / 4);
    this.read();
  }

  attach(clientId: number, element: HTMLElement | null): void {
    const mark = this.marks.get(clientId);
    if (mark) mark.element = element;
    else if (element) {
      this.marks.set(clientId, { element, at: null, target: null, movedAt: 0 });
      this.read();
    }
  }

  destroy(): void {
    this.awareness.off("change", this.read);
    clearInterval(this.idleTimer);
    cancelAnimationFrame(this.frame);
  }

  /** Where somebody points now, for going there. */
  targetOf(clientId: number): { x: number; y: number } | null {
    return this.marks.get(clientId)?.target ?? null;
  }

  wake = (): void => {
    if (this.frame === 0) this.frame = requestAnimationFrame(this.draw);
  };

  private read = (): void => {
    const peers = new Map(peersOf(this.awareness).map((peer) => [peer.clientId, peer.cursor ?? null]));
    for (const [clientId, mark] of this.marks) {
      const cursor = peers.get(clientId) ?? null;
      if (cursor?.x === mark.target?.x && cursor?.y === mark.target?.y) continue;
      mark.target = cursor;
      mark.movedAt = performance.now();
      if (!cursor || !mark.at) mark.at = cursor && { ...cursor };
    }
    this.wake();
  };

  private draw = (now: number): void => {
    this.frame = 0;
    const share = this.isStill() ? 1 : 1 - Math.exp(-Math.min(100, now - this.last) / SETTLE_MS);
    this.last = now;
    const view = this.view();
    let isMoving = false;
    for (const mark of this.marks.values()) isMoving = this.step(mark, share, view, now) || isMoving;
    if (isMoving) this.wake();
  };

  private step(mark: Mark, share: number, view: View, now: number): boolean {
    const { element, at, target } = mark;
    if (!element) return false;
    const isIdle = now - mark.movedAt > IDLE_MS;
    element.dataset.shown = String(target !== null && !isIdle);
    if (!at || !target) return false;
    at.x += (target.x - at.x) * share;
    at.y += (target.y - at.y) * share;
    const isThere = Math.abs(target.x - at.x) + Math.abs(target.y - at.y) < CLOSE;
    if (isThere) Object.assign(at, target);
    place(element, view, at);
    return !isThere;
  }
}

/** On the screen, or at its edge with an arrow that points to where it is. */
function place(element: HTMLElement, view: View, at: { x: number; y: number }): void {
  const x = at.x * view.zoom + view.x;
  const y = at.y * view.zoom + view.y;
  const isInside = x >= 0 && y >= 0 && x <= view.width && y <= view.height;
  const left = isInside ? x : Math.min(view.width - EDGE, Math.max(EDGE, x));
  const top = isInside ? y : Math.min(view.height - EDGE, Math.max(EDGE, y));
  element.style.transform = `translate(${left.toFixed(1)}px, ${top.toFixed(1)}px)`;
  if (element.dataset.away !== String(!isInside)) element.dataset.away = String(!isInside);
  if (!isInside) {
    const angle = Math.atan2(y - top, x - left);
    element.style.setProperty("--turn", `${angle.toFixed(2)}rad`);
    // The marker hangs inwards from its point, so that none is cut off.
    element.style.setProperty("--hang", `${((-100 * left) / view.width).toFixed(1)}%`);
  }
}
