import { expect, test, vi } from "vitest";
import { problem, startServer } from "@/testing/server";
import { markOf, piece_bytes, sendFile } from "./send";

const id = "77777777-7777-4777-8777-777777777777";
const stored = { id: "f", name: "big.bin" };

/** Pieces as the server takes them; `break_at` loses the connection once, after the piece has been kept. */
function startUploads(size: number, break_at = -1) {
  const kept = { bytes: 0, asked: [] as number[], sums: 0 };
  const state = () => ({
    id,
    mark: "",
    received_bytes: kept.bytes,
    file: kept.bytes === size ? stored : null,
  });
  vi.stubGlobal(
    "XMLHttpRequest",
    class {
      upload: { onprogress?: (event: { loaded: number }) => void } = {};
      headers = new Map<string, string>();
      status = 0;
      responseText = "";
      onload?: () => void;
      onerror?: () => void;
      onabort?: () => void;
      onloadend?: () => void;
      open() {}
      abort() {
        this.onabort?.();
      }
      setRequestHeader(name: string, value: string) {
        this.headers.set(name.toLowerCase(), value);
      }
      send(piece: Blob) {
        const start = Number(this.headers.get("upload-offset"));
        kept.asked.push(start);

        if (this.headers.get("upload-checksum")?.startsWith("sha256 ")) kept.sums += 1;
        kept.bytes = start + piece.size;
        this.upload.onprogress?.({ loaded: piece.size });
        const isLost = start === break_at && kept.asked.filter((at) => at === start).length === 1;
        this.status = isLost ? 0 : 204;
        queueMicrotask(() => {
          if (isLost) this.onerror?.();
          else this.onload?.();
          this.onloadend?.();
        });
      }
    },
  );
  return { kept, state };
}

const listener = () => ({ onProgress: vi.fn(), onBreak: vi.fn() });
const stillOpen = new AbortController().signal;

test("a lost answer is asked for, and nothing is sent twice", async () => {
  const file = new File([new Uint8Array(piece_bytes * 2 + 5)], "big.bin", { lastModified: 1 });
  const { kept, state } = startUploads(file.size, piece_bytes);
  startServer({ "GET /w/uploads": { items: [] }, "POST /w/uploads": state, [`GET /w/uploads/${id}`]: state });
  vi.useFakeTimers({ shouldAdvanceTime: true });
  const heard = listener();
  const sending = sendFile("22222222-2222-4222-8222-222222222222", file, heard, stillOpen);
  await vi.waitFor(() => expect(heard.onBreak).toHaveBeenCalled());
  window.dispatchEvent(new Event("online"));
  expect(await sending).toEqual(stored);
  vi.useRealTimers();
  expect(kept.asked).toEqual([0, piece_bytes, piece_bytes * 2]);
});

test("what an earlier page had begun goes on where it stopped", async () => {
  const file = new File([new Uint8Array(piece_bytes + 5)], "big.bin", { lastModified: 7 });
  const { kept, state } = startUploads(file.size);
  kept.bytes = piece_bytes;
  const { asked } = startServer({
    "GET /w/uploads": { items: [{ ...state(), mark: markOf(file) }] },
    [`GET /w/uploads/${id}`]: state,
  });
  await sendFile("22222222-2222-4222-8222-222222222222", file, listener(), stillOpen);
  expect(kept.asked).toEqual([piece_bytes]);
  expect(asked.some(({ method }) => method === "POST")).toBe(false);
});

test("what does not fit is said at once", async () => {
  startServer({
    "GET /w/uploads": { items: [] },
    "POST /w/uploads": problem(413, "file.quota", "The workspace has no room left"),
  });
  const sending = sendFile(
    "22222222-2222-4222-8222-222222222222",
    new File(["x"], "x"),
    listener(),
    stillOpen,
  );
  await expect(sending).rejects.toThrow("The workspace has no room left");
});
