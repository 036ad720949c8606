/** What a room tells beside the document: to be shown or read again by whoever listens. */
import type { Frame, Notice, ServerChange } from "./frames";

/** Listeners to one kind of news. */
export class Signal<T> {
  private readonly listeners = new Set<(news: T) => void>();

  listen = (listener: (news: T) => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  tell(news: T): void {
    for (const listener of this.listeners) listener(news);
  }
}

export class RoomNews {
  /** Rows beside the document changed (`comments`). */
  readonly topics = new Signal<string>();
  /** What the server changed, and for whom. */
  readonly changes = new Signal<ServerChange>();
  /** What it said last, which may be why it closes the connection. */
  notice: Notice | null = null;

  receive(frame: Frame): void {
    if (frame.kind === "news") this.topics.tell(frame.topic);
    else if (frame.kind === "changed") this.changes.tell(frame.change);
    else if (frame.kind === "notice") this.notice = frame.notice;
  }
}
