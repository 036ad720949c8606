/** Files of a workspace as pages and the run page ask for them. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";
import { http, type Json, type Page, workspacePath } from "@/lib/api";

export type FileKind = "upload" | "artifact";

export type StoredFile = {
  id: string;
  name: string;
  mime: string;
  size_bytes: number;
  ref: string;
  kind: FileKind;
  run_id: string | null;
  created_at: string;
};

export type FilePreview = {
  kind: "text" | "table" | "json" | "image" | "pdf" | "none";
  text: string;
  columns: string[];
  rows: Json[][];
  page_count: number;
  is_cut: boolean;
  encoding: string;
};

export type FileFilters = { q?: string | undefined; kind?: FileKind | undefined };

export const filePath = (workspaceId: string, fileId: string, rest = ""): string =>
  workspacePath(workspaceId, `/files/${encodeURIComponent(fileId)}${rest}`);

/** The key under which every list of a workspace's files is held. */
export const filesKey = (workspaceId: string) => ["workspace", workspaceId, "files"] as const;

export const filePagesQuery = (workspaceId: string, filters: FileFilters) =>
  infiniteQueryOptions({
    queryKey: [...filesKey(workspaceId), "list", filters],
    queryFn: ({ pageParam, signal }) =>
      http.get<Page<StoredFile>>(
        workspacePath(workspaceId, "/files"),
        { limit: 50, cursor: pageParam, ...filters },
        signal,
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });

export const runFilesQuery = (workspaceId: string, runId: string) =>
  queryOptions({
    queryKey: [...filesKey(workspaceId), "run", runId],
    queryFn: async ({ signal }) => {
      const query = { limit: 200, run_id: runId };
      return (await http.get<Page<StoredFile>>(workspacePath(workspaceId, "/files"), query, signal)).items;
    },
  });

export const filePreviewQuery = (workspaceId: string, fileId: string) =>
  queryOptions({
    queryKey: ["workspace", workspaceId, "file-preview", fileId],
    queryFn: ({ signal }) => http.get<FilePreview>(filePath(workspaceId, fileId, "/preview"), {}, signal),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
