/** The workspace's files: uploaded by people or written by runs, what they are, and the room they take. */
import { ActionIcon, Button, Menu, SegmentedControl } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type DragEvent, useMemo, useRef, useState } from "react";
import { commonText } from "@/components/common-text";
import { EmptyState } from "@/components/empty-state";
import { FilePreviewDialog } from "@/components/file-preview";
import { fileIcon, Icon } from "@/components/icon";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { SearchBox } from "@/components/search-box";
import { type Column, Table, TableSkeleton } from "@/components/table";
import { UploadList } from "@/components/upload-list";
import { formatBytes, formatFullTime, formatTime, useText } from "@/i18n";
import { type FileKind, filePagesQuery, filePath, type StoredFile } from "@/lib/files";
import { isGoing, useUploads } from "@/lib/uploads";
import { useRights } from "@/lib/workspaces";
import { storageQuery } from "./api";
import { DeleteFileDialog, RenameFileDialog } from "./components/file-dialogs";
import { StorageCard } from "./components/storage-card";
import { UnfinishedList } from "./components/unfinished-list";
import classes from "./files-page.module.css";
import { filesText } from "./text";

type Chosen = { what: "preview" | "rename" | "delete"; file: StoredFile };

export function FilesPage({ workspaceId }: { workspaceId: string }) {
  const t = useText(filesText);
  const { canEdit, canManage } = useRights(workspaceId);
  const limit = useQuery(storageQuery(workspaceId)).data?.max_upload_bytes;
  const limitText = formatBytes(limit ?? 0);
  const { uploads, queue } = useUploads(workspaceId, "files");
  const tooLarge = (file: File) =>
    limit !== undefined && file.size > limit ? t("up.large", { limit: limitText }) : "";
  const add = (files: readonly File[]) => queue.add(files, tooLarge);
  const [search, setSearch] = useState("");
  const [kind, setKind] = useState<FileKind | "all">("all");
  const picker = useRef<HTMLInputElement>(null);
  const upload = canEdit && (
    <Button leftSection={<Icon name="upload" />} onClick={() => picker.current?.click()}>
      {t("upload")}
    </Button>
  );
  return (
    <Page
      flush
      title={t("title")}
      actions={upload}
      toolbar={
        <>
          <SearchBox value={search} onChange={setSearch} label={t("search")} />
          <SegmentedControl
            aria-label={t("kind.label")}
            value={kind}
            onChange={(value) => setKind(value as FileKind | "all")}
            data={(["all", "upload", "artifact"] as const).map((value) => ({
              value,
              label: t(`kind.${value}`),
            }))}
          />
          <span className="muted cut">{t("lead")}</span>
        </>
      }
    >
      <DropZone disabled={!canEdit} hint={t("drop.lead", { limit: limitText })} onFiles={add}>
        <input
          ref={picker}
          type="file"
          multiple
          hidden
          aria-label={t("upload")}
          onChange={(event) => {
            add([...(event.target.files ?? [])]);
            event.target.value = "";
          }}
        />
        <div className={classes.columns}>
          <div className={classes.main}>
            {uploads.length > 0 && (
              <UploadList
                uploads={uploads}
                onStop={(key) => queue.stop(key)}
                onAgain={(key) => queue.again(key)}
              >
                {!uploads.some(isGoing) && (
                  <Button size="xs" variant="subtle" color="gray" onClick={() => queue.clear()}>
                    {t("up.clear")}
                  </Button>
                )}
              </UploadList>
            )}
            {canEdit && !uploads.some(isGoing) && (
              <UnfinishedList workspaceId={workspaceId} onChoose={() => picker.current?.click()} />
            )}
            <FileList
              workspaceId={workspaceId}
              search={search}
              kind={kind === "all" ? undefined : kind}
              canEdit={canEdit}
              upload={upload}
              onClear={() => setSearch("")}
            />
          </div>
          <StorageCard workspaceId={workspaceId} canManage={canManage} />
        </div>
      </DropZone>
    </Page>
  );
}

type ZoneProps = {
  disabled: boolean;
  hint: string;
  onFiles: (files: File[]) => void;
  children: React.ReactNode;
};

function DropZone({ disabled, hint, onFiles, children }: ZoneProps) {
  const t = useText(filesText);
  const [depth, setDepth] = useState(0);
  if (disabled) return <div className={classes.zone}>{children}</div>;
  const take = (event: DragEvent) => {
    event.preventDefault();
    setDepth(0);
    onFiles([...event.dataTransfer.files]);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: dropping is a second way; the button is the first.
    <div
      className={classes.zone}
      onDragEnter={() => setDepth((now) => now + 1)}
      onDragLeave={() => setDepth((now) => Math.max(now - 1, 0))}
      onDragOver={(event) => event.preventDefault()}
      onDrop={take}
    >
      {children}
      {depth > 0 && (
        <div className={classes.drop}>
          <Icon name="upload" size={24} />
          <b>{t("drop")}</b>
          <span className="muted">{hint}</span>
        </div>
      )}
    </div>
  );
}

type ListProps = {
  workspaceId: string;
  search: string;
  kind: FileKind | undefined;
  canEdit: boolean;
  upload: React.ReactNode;
  onClear: () => void;
};

function FileList({ workspaceId, search, kind, canEdit, upload, onClear }: ListProps) {
  const t = useText(filesText);
  const common = useText(commonText);
  const [q] = useDebouncedValue(search.trim(), 200);
  const query = useInfiniteQuery(filePagesQuery(workspaceId, { q, kind }));
  const files = useMemo(() => query.data?.pages.flatMap((page) => page.items) ?? [], [query.data]);
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const columns = useMemo<Column[]>(
    () => [
      { key: "name", label: t("col.name") },
      { key: "from", label: t("col.from"), width: 110 },
      { key: "size", label: t("col.size"), width: 100, align: "right" },
      { key: "created", label: t("col.created"), width: 150, hideBelow: "wide" },
      { key: "actions", label: "", width: 64 },
    ],
    [t],
  );
  const close = () => setChosen(null);
  return (
    <>
      <QueryView
        query={query}
        skeleton={<TableSkeleton label={t("title")} columns={columns} rows={8} />}
        isEmpty={() => files.length === 0}
        empty={q !== "" || kind ? <NothingFound onClear={onClear} /> : <NoFiles upload={upload} />}
      >
        {() => (
          <Table label={t("title")} columns={columns}>
            {files.map((file) => (
              <FileRow
                key={file.id}
                workspaceId={workspaceId}
                file={file}
                canEdit={canEdit}
                onChoose={(what) => setChosen({ what, file })}
              />
            ))}
          </Table>
        )}
      </QueryView>
      {query.hasNextPage && (
        <Button
          variant="subtle"
          m={12}
          loading={query.isFetchingNextPage}
          onClick={() => void query.fetchNextPage()}
        >
          {common("more")}
        </Button>
      )}
      {chosen?.what === "preview" && (
        <FilePreviewDialog workspaceId={workspaceId} file={chosen.file} onClose={close} />
      )}
      {chosen?.what === "rename" && (
        <RenameFileDialog workspaceId={workspaceId} file={chosen.file} onClose={close} />
      )}
      {chosen?.what === "delete" && (
        <DeleteFileDialog workspaceId={workspaceId} file={chosen.file} onClose={close} />
      )}
    </>
  );
}

function NoFiles({ upload }: { upload: React.ReactNode }) {
  const t = useText(filesText);
  return (
    <EmptyState icon="file" title={t("empty.title")} action={upload}>
      {t(upload ? "empty.lead" : "empty.other")}
    </EmptyState>
  );
}

function NothingFound({ onClear }: { onClear: () => void }) {
  const t = useText(filesText);
  const clear = (
    <Button variant="default" onClick={onClear}>
      {t("none.clear")}
    </Button>
  );
  return (
    <EmptyState icon="search" title={t("none.title")} action={clear}>
      {t("none.lead")}
    </EmptyState>
  );
}

type RowProps = {
  workspaceId: string;
  file: StoredFile;
  canEdit: boolean;
  onChoose: (what: Chosen["what"]) => void;
};

function FileRow({ workspaceId, file, canEdit, onChoose }: RowProps) {
  const t = useText(filesText);
  const { id, name, kind, run_id, size_bytes, created_at } = file;
  return (
    <tr>
      <td>
        <button
          type="button"
          className={classes.name}
          aria-label={t("open.of", { name })}
          onClick={() => onChoose("preview")}
        >
          <Icon name={fileIcon(file.mime)} size={14} />
          <span className="cut" title={name}>
            {name}
          </span>
        </button>
      </td>
      <td className="muted">
        {run_id ? (
          <Link to="/w/$ws/runs/$run" params={{ ws: workspaceId, run: run_id }}>
            {t("from.run")}
          </Link>
        ) : (
          t("from.upload")
        )}
      </td>
      <td className="num" data-align="right">
        {formatBytes(size_bytes)}
      </td>
      <td data-hide="wide" className="muted" title={formatFullTime(created_at)}>
        {formatTime(created_at)}
      </td>
      <td data-align="right">
        <Menu position="bottom-end" width={160}>
          <Menu.Target>
            <ActionIcon variant="subtle" color="gray" aria-label={t("actions.of", { name })}>
              <Icon name="more" />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<Icon name="eye" />} onClick={() => onChoose("preview")}>
              {t("preview")}
            </Menu.Item>
            <Menu.Item
              component="a"
              href={filePath(workspaceId, id, "/content")}
              download={name}
              leftSection={<Icon name="download" />}
            >
              {t("download")}
            </Menu.Item>
            {canEdit && kind === "upload" && (
              <Menu.Item leftSection={<Icon name="file-text" />} onClick={() => onChoose("rename")}>
                {t("rename")}
              </Menu.Item>
            )}
            {canEdit && (
              <Menu.Item
                color="var(--danger-text)"
                leftSection={<Icon name="trash" />}
                onClick={() => onChoose("delete")}
              >
                {t("delete")}
              </Menu.Item>
            )}
          </Menu.Dropdown>
        </Menu>
      </td>
    </tr>
  );
}
