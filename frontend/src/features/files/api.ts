import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { currentLanguage } from "@/i18n";
import { csrfToken, http, offlineProblem, type Page, problemOf, workspacePath } from "@/lib/api";
import { filePath, filesKey, type StoredFile } from "@/lib/files";

type Kept = { count: number; size_bytes: number };

export type Storage = {
  used_bytes: number;
  quota_bytes: number;
  max_upload_bytes: number;
  uploads: Kept;
  artifacts: Kept;
  values: Kept;
  vectors: Kept;
  uploads_days: number;
  artifacts_days: number;
};

export const storageQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: [...filesKey(workspaceId), "storage"],
    queryFn: ({ signal }) => http.get<Storage>(workspacePath(workspaceId, "/storage"), {}, signal),
  });

/** The flows whose current definition names a file. */
export const usedByQuery = (workspaceId: string, ref: string) =>
  queryOptions({
    queryKey: [...filesKey(workspaceId), "used-by", ref],
    queryFn: async ({ signal }) => {
      const query = { names: ref, limit: 20 };
      type Flow = { id: string; name: string };
      return (await http.get<Page<Flow>>(workspacePath(workspaceId, "/flows"), query, signal)).items;
    },
  });

function useChange<Input, Output>(workspaceId: string, change: (input: Input) => Promise<Output>) {
  const queryClient = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: filesKey(workspaceId) }),
  });
}

export const useFileDelete = (workspaceId: string) =>
  useChange(workspaceId, (id: string) => http.delete(filePath(workspaceId, id)));

export const useFileRename = (workspaceId: string) =>
  useChange(workspaceId, ({ id, name }: { id: string; name: string }) =>
    http.patch<StoredFile>(filePath(workspaceId, id), { name }),
  );

export const useRetention = (workspaceId: string) =>
  useChange(workspaceId, (days: { uploads_days: number; artifacts_days: number }) =>
    http.patch<Storage>(workspacePath(workspaceId, "/storage"), days),
  );

/** Sends a file and says how far it is. `fetch` tells nothing of that, so this is an older request. */
export function sendFile(
  workspaceId: string,
  file: File,
  onProgress: (sent_bytes: number) => void,
  signal: AbortSignal,
): Promise<StoredFile> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", workspacePath(workspaceId, "/files"));
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("Accept-Language", currentLanguage());
    request.setRequestHeader("X-CSRFToken", csrfToken());
    request.upload.onprogress = (event) => onProgress(Math.min(event.loaded, file.size));
    request.onerror = () => reject(offlineProblem());
    request.onabort = () => reject(new DOMException("stopped", "AbortError"));
    request.onload = () => {
      if (request.status === 201) resolve(JSON.parse(request.responseText) as StoredFile);
      else void problemOf(new Response(request.responseText, { status: request.status })).then(reject);
    };
    signal.addEventListener("abort", () => request.abort());
    const form = new FormData();
    form.append("file", file);
    request.send(form);
  });
}
