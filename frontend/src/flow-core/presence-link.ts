/** This window's presence to the room, and everybody else's from it. */
import * as awarenessProtocol from "y-protocols/awareness";
import type * as Y from "yjs";
import { awarenessFrame, type OutgoingFrame } from "./frames";

/** Marks states that came from the room; they are not sent back. */
const FROM_ROOM = Symbol("room");

type Change = { added: number[]; updated: number[]; removed: number[] };

export class PresenceLink {
  readonly awareness: awarenessProtocol.Awareness;
  private readonly own: number;

  constructor(
    doc: Y.Doc,
    private readonly send: (frame: OutgoingFrame) => void,
  ) {
    this.awareness = new awarenessProtocol.Awareness(doc);
    this.own = doc.clientID;
    this.awareness.on("update", this.onUpdate);
  }

  receive(update: Uint8Array): void {
    awarenessProtocol.applyAwarenessUpdate(this.awareness, update, FROM_ROOM);
  }

  tell(): void {
    if (!this.awareness.meta.has(this.own)) return;
    this.send(awarenessFrame(awarenessProtocol.encodeAwarenessUpdate(this.awareness, [this.own])));
  }

  /** Without a connection nobody is known to be here. */
  forgetOthers(): void {
    const others = [...this.awareness.getStates().keys()].filter((id) => id !== this.own);
    awarenessProtocol.removeAwarenessStates(this.awareness, others, FROM_ROOM);
  }

  /** Says good-bye while the connection is still there. */
  destroy(): void {
    awarenessProtocol.removeAwarenessStates(this.awareness, [this.own], "leaving");
    this.awareness.off("update", this.onUpdate);
    this.awareness.destroy();
  }

  private onUpdate = ({ added, updated, removed }: Change, origin: unknown): void => {
    if (origin === FROM_ROOM) return;
    if ([...added, ...updated, ...removed].includes(this.own)) this.tell();
  };
}
