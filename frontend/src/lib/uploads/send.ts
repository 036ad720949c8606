/** Sends a file in pieces by tus 1.0 and goes on after breaks, also with what an earlier page had begun. */
import { ApiProblem, addHeaders, http, offlineProblem, problemOf, send, workspacePath } from "@/lib/api";
import type { StoredFile } from "@/lib/files";

export const piece_bytes = 4 << 20;
const longest_wait_ms = 30_000;
/** Some ten minutes without an answer: then a person decides. */
const tries = 24;
const tus = { "Tus-Resumable": "1.0.0" };

export type Unfinished = {
  id: string;
  name: string;
  mark: string;
  size_bytes: number;
  received_bytes: number;
  expires_at: string;
  file: StoredFile | null;
};

export type Listener = {
  onProgress: (sent_bytes: number) => void;
  /** The network or the server is away; it goes on by itself. */
  onBreak: () => void;
};

/** What a file is known by when it is chosen again. */
export const markOf = (file: File): string => `${file.name}|${file.size}|${file.lastModified}`.slice(0, 400);

export const unfinishedUploads = (workspaceId: string, signal?: AbortSignal): Promise<Unfinished[]> =>
  http
    .get<{ items: Unfinished[] }>(workspacePath(workspaceId, "/uploads"), {}, signal)
    .then(({ items }) => items);

export async function discardUpload(workspaceId: string, uploadId: string): Promise<void> {
  await send("DELETE", workspacePath(workspaceId, `/uploads/${uploadId}`), { headers: tus });
}

export async function sendFile(
  workspaceId: string,
  file: File,
  listener: Listener,
  signal: AbortSignal,
): Promise<StoredFile> {
  const again = <T>(call: () => Promise<T>) => persistently(call, listener, signal);
  const upload = await again(() => begun(workspaceId, file, signal));
  const path = workspacePath(workspaceId, `/uploads/${upload.id}`);
  const where = () => http.get<Unfinished>(path, {}, signal);
  try {
    let state = upload;
    for (let failures = 0; state.received_bytes < file.size; ) {
      const start = state.received_bytes;
      listener.onProgress(start);
      const piece = file.slice(start, start + piece_bytes);
      try {
        await sendPiece(path, start, piece, await checksum(piece), listener, signal);
        state = { ...state, received_bytes: start + piece.size };
        failures = 0;
      } catch (error) {
        failures += 1;
        if (signal.aborted || !isPassing(error) || failures === tries) throw error;
        listener.onBreak();
        await pause(failures, signal);
        state = await again(where);
      }
    }
    const done = state.file ?? (await again(where)).file;
    if (done === null) throw offlineProblem();
    return done;
  } catch (error) {
    if (signal.aborted) void discardUpload(workspaceId, upload.id).catch(() => undefined);
    throw error;
  }
}

async function begun(workspaceId: string, file: File, signal: AbortSignal): Promise<Unfinished> {
  const mark = markOf(file);
  const found = (await unfinishedUploads(workspaceId, signal)).find((one) => one.mark === mark);
  if (found) return found;
  const facts = Object.entries({ filename: file.name, mark }).map(([key, text]) => `${key} ${base64(text)}`);
  const headers = { ...tus, "Upload-Length": String(file.size), "Upload-Metadata": facts.join(",") };
  const answer = await send("POST", workspacePath(workspaceId, "/uploads"), { headers, signal });
  return (await answer.json()) as Unfinished;
}

/** `fetch` tells nothing of how far a body is, so this is an older request. */
function sendPiece(
  path: string,
  start: number,
  piece: Blob,
  sum: string | null,
  listener: Listener,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PATCH", path);
    const headers = new Headers({ ...tus, "Upload-Offset": String(start) });
    addHeaders(headers, "PATCH");
    headers.set("Content-Type", "application/offset+octet-stream");
    if (sum) headers.set("Upload-Checksum", `sha256 ${sum}`);
    headers.forEach((value, name) => {
      request.setRequestHeader(name, value);
    });
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.upload.onprogress = (event) => listener.onProgress(start + Math.min(event.loaded, piece.size));
    request.onerror = () => reject(offlineProblem());
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    request.onload = () => {
      if (request.status === 204) resolve();
      else void problemOf(new Response(request.responseText, { status: request.status })).then(reject);
    };
    request.onloadend = () => signal.removeEventListener("abort", stop);
    request.send(piece);
    if (signal.aborted) stop();
  });
}

/** Browsers hash on pages that came by https or from this machine only; elsewhere the length has to do. */
async function checksum(piece: Blob): Promise<string | null> {
  if (!globalThis.crypto?.subtle) return null;
  const digest = await crypto.subtle.digest("SHA-256", await piece.arrayBuffer());
  return btoa(String.fromCharCode(...new Uint8Array(digest)));
}

async function persistently<T>(call: () => Promise<T>, listener: Listener, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (signal.aborted || !isPassing(error) || attempt === tries) throw error;
      listener.onBreak();
      await pause(attempt, signal);
    }
  }
}

/** Whether asking again may help: nobody answered, somebody on the way did, or the piece has to be sent anew. */
function isPassing(error: unknown): boolean {
  if (!(error instanceof ApiProblem)) return false;
  return error.code === "file.upload_offset" || [0, 408, 429, 460, 502, 503, 504].includes(error.status);
}

/** Longer each time, and over at once when the network is back. */
function pause(attempt: number, signal: AbortSignal): Promise<void> {
  const wait_ms = Math.min(500 * 2 ** attempt, longest_wait_ms);
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      window.removeEventListener("online", end);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, wait_ms);
    window.addEventListener("online", end);
    signal.addEventListener("abort", end);
  });
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
