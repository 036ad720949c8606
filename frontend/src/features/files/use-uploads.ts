/** Files on their way: two at a time, each with how far it is; one that failed can be sent again. */
import { useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useReducer, useRef } from "react";
import { filesKey } from "@/lib/files";
import { sendFile } from "./api";

const at_once = 2;

export type Upload = {
  key: number;
  file: File;
  sent_bytes: number;
  state: "waiting" | "sending" | "done" | "stopped" | "failed";
  reason: string;
};

type Action =
  | { type: "add"; uploads: Upload[] }
  | { type: "change"; key: number; change: Partial<Upload> }
  | { type: "clear" };

function reduce(uploads: Upload[], action: Action): Upload[] {
  if (action.type === "add") return [...uploads, ...action.uploads];
  if (action.type === "clear") return uploads.filter(isGoing);
  return uploads.map((one) => (one.key === action.key ? { ...one, ...action.change } : one));
}

export const isGoing = (upload: Upload): boolean => upload.state === "waiting" || upload.state === "sending";

export function useUploads(workspaceId: string, limit_bytes: number | undefined, tooLarge: string) {
  const [uploads, dispatch] = useReducer(reduce, []);
  const queryClient = useQueryClient();
  const nextKey = useRef(0);
  const stops = useRef(new Map<number, AbortController>());

  const send = useCallback(
    async ({ key, file }: Upload) => {
      const change = (to: Partial<Upload>) => dispatch({ type: "change", key, change: to });
      const stop = new AbortController();
      stops.current.set(key, stop);
      change({ state: "sending" });
      try {
        await sendFile(workspaceId, file, (sent_bytes) => change({ sent_bytes }), stop.signal);
        change({ state: "done", sent_bytes: file.size });
        void queryClient.invalidateQueries({ queryKey: filesKey(workspaceId) });
      } catch (error) {
        if (stop.signal.aborted) change({ state: "stopped" });
        else change({ state: "failed", reason: error instanceof Error ? error.message : "" });
      } finally {
        stops.current.delete(key);
      }
    },
    [workspaceId, queryClient],
  );

  useEffect(() => {
    const free = at_once - uploads.filter((one) => one.state === "sending").length;
    for (const one of uploads.filter((upload) => upload.state === "waiting").slice(0, Math.max(free, 0))) {
      if (!stops.current.has(one.key)) void send(one);
    }
  }, [uploads, send]);

  useEffect(() => {
    const going = stops.current;
    return () => {
      for (const stop of going.values()) stop.abort();
    };
  }, []);

  const add = (files: readonly File[]) => {
    const made = files.map((file): Upload => {
      const fits = limit_bytes === undefined || file.size <= limit_bytes;
      nextKey.current += 1;
      const state = fits ? "waiting" : "failed";
      return { key: nextKey.current, file, sent_bytes: 0, state, reason: fits ? "" : tooLarge };
    });
    dispatch({ type: "add", uploads: made });
  };
  const stop = (key: number) => {
    const sending = stops.current.get(key);
    if (sending) sending.abort();
    else dispatch({ type: "change", key, change: { state: "stopped" } });
  };
  const again = (key: number) =>
    dispatch({ type: "change", key, change: { state: "waiting", sent_bytes: 0, reason: "" } });
  return { uploads, add, stop, again, clear: () => dispatch({ type: "clear" }) };
}
