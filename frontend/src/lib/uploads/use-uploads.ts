import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useEffect, useSyncExternalStore } from "react";
import { filesKey } from "@/lib/files";
import { isGoing, type Upload, UploadQueue } from "./queue";

/** By signed-in page (its cache) and by place: the files page has one list, each field of files its own. */
const queues = new WeakMap<QueryClient, Map<string, UploadQueue>>();

export type Uploads = { uploads: readonly Upload[]; queue: UploadQueue };

/** The uploads of a place; those of the same place are found again when it is opened again. */
export function useUploads(workspaceId: string, place: string): Uploads {
  const client = useQueryClient();
  const queue = queueOf(client, workspaceId, place);
  const uploads = useSyncExternalStore(queue.subscribe, queue.snapshot);
  const going = uploads.some(isGoing);
  useEffect(() => {
    if (!going) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [going]);
  return { uploads, queue };
}

function queueOf(client: QueryClient, workspaceId: string, place: string): UploadQueue {
  const places = queues.get(client) ?? new Map<string, UploadQueue>();
  queues.set(client, places);
  const key = `${workspaceId}/${place}`;
  const stored = () => void client.invalidateQueries({ queryKey: filesKey(workspaceId) });
  const queue = places.get(key) ?? new UploadQueue(workspaceId, stored);
  places.set(key, queue);
  return queue;
}
