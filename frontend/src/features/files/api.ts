import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { http, type Page, workspacePath } from "@/lib/api";
import { filePath, filesKey, type StoredFile } from "@/lib/files";
import { discardUpload, unfinishedUploads } from "@/lib/uploads";

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

/** What this person has begun to send and not finished, on whatever page that was. */
export const unfinishedQuery = (workspaceId: string) =>
  queryOptions({
    queryKey: [...filesKey(workspaceId), "unfinished"],
    queryFn: ({ signal }) => unfinishedUploads(workspaceId, signal),
  });

export const useDiscard = (workspaceId: string) =>
  useChange(workspaceId, (id: string) => discardUpload(workspaceId, id));
