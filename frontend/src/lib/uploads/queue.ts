/** Files on their way, two at a time. A queue outlives the page that began it, so that people may walk on. */
import type { StoredFile } from "@/lib/files";
import { sendFile } from "./send";

const at_once = 2;

export type Upload = {
  key: number;
  file: File;
  sent_bytes: number;
  /** `broken`: the network or the server is away and it goes on by itself. */
  state: "waiting" | "sending" | "broken" | "done" | "stopped" | "failed";
  reason: string;
  stored: StoredFile | null;
};

export const isGoing = ({ state }: Upload): boolean =>
  state === "waiting" || state === "sending" || state === "broken";

export class UploadQueue {
  #uploads: readonly Upload[] = [];
  #nextKey = 1;
  readonly #stops = new Map<number, AbortController>();
  readonly #listeners = new Set<() => void>();
  readonly #workspaceId: string;
  readonly #onStored: () => void;

  constructor(workspaceId: string, onStored: () => void) {
    this.#workspaceId = workspaceId;
    this.#onStored = onStored;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): readonly Upload[] => this.#uploads;

  /** `refusal` says why a file is not sent at all. */
  add(files: readonly File[], refusal: (file: File) => string): void {
    const made = files.map((file): Upload => {
      const reason = refusal(file);
      const state = reason === "" ? "waiting" : "failed";
      return { key: this.#nextKey++, file, sent_bytes: 0, state, reason, stored: null };
    });
    this.#set([...this.#uploads, ...made]);
  }

  stop(key: number): void {
    const sending = this.#stops.get(key);
    if (sending) sending.abort();
    else this.#change(key, { state: "stopped" });
  }

  again(key: number): void {
    this.#change(key, { state: "waiting", sent_bytes: 0, reason: "" });
  }

  /** Forget those that are over, or some of them. */
  clear(keys?: ReadonlySet<number>): void {
    this.#set(this.#uploads.filter((one) => isGoing(one) || (keys !== undefined && !keys.has(one.key))));
  }

  #change(key: number, change: Partial<Upload>): void {
    this.#set(this.#uploads.map((one) => (one.key === key ? { ...one, ...change } : one)));
  }

  #set(uploads: readonly Upload[]): void {
    this.#uploads = uploads;
    const free = at_once - this.#stops.size;
    for (const one of uploads.filter(({ state }) => state === "waiting").slice(0, Math.max(free, 0))) {
      if (!this.#stops.has(one.key)) void this.#send(one);
    }
    for (const listener of this.#listeners) listener();
  }

  async #send({ key, file }: Upload): Promise<void> {
    const stop = new AbortController();
    this.#stops.set(key, stop);
    const end = (change: Partial<Upload>) => {
      this.#stops.delete(key);
      this.#change(key, change);
    };
    const listener = {
      onProgress: (sent_bytes: number) => this.#change(key, { state: "sending", sent_bytes }),
      onBreak: () => this.#change(key, { state: "broken" }),
    };
    try {
      const stored = await sendFile(this.#workspaceId, file, listener, stop.signal);
      end({ state: "done", sent_bytes: file.size, stored });
      this.#onStored();
    } catch (error) {
      if (stop.signal.aborted) end({ state: "stopped" });
      else end({ state: "failed", reason: error instanceof Error ? error.message : "" });
    }
  }
}
