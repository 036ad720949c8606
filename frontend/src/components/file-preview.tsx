/** A file looked at without being opened: its text, its first rows, a picture, or pages drawn by the server. */
import { ActionIcon, Button, Modal, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { defineText, formatBytes, formatNumber, useText } from "@/i18n";
import type { Json } from "@/lib/api";
import { type FilePreview, filePath, filePreviewQuery, type StoredFile } from "@/lib/files";
import { commonText } from "./common-text";
import { EmptyState } from "./empty-state";
import classes from "./file-preview.module.css";
import { Icon } from "./icon";
import { JsonView } from "./json-view";
import { ProblemBlock } from "./problem-view";

const text = defineText("file_preview", {
  en: {
    download: "Download",
    "none.title": "No preview",
    "none.lead": "Download the file to look at it.",
    "page.of": "Page {{page}} of {{count}}",
    "page.next": "Next page",
    "page.previous": "Previous page",
    "page.alt": "Page {{page}} of {{name}}",
    "page.failed": "This page could not be drawn.",
    cut: "Only the beginning is shown.",
    empty: "The file is empty.",
  },
  zh: {
    download: "下载",
    "none.title": "无法预览",
    "none.lead": "请下载文件后查看。",
    "page.of": "第 {{page}} / {{count}} 页",
    "page.next": "下一页",
    "page.previous": "上一页",
    "page.alt": "{{name}} 第 {{page}} 页",
    "page.failed": "无法绘制此页。",
    cut: "仅显示开头部分。",
    empty: "文件为空。",
  },
});

type Props = { workspaceId: string; file: StoredFile };

export function FilePreviewDialog({ workspaceId, file, onClose }: Props & { onClose: () => void }) {
  const t = useText(text);
  const common = useText(commonText);
  return (
    <Modal
      opened
      onClose={onClose}
      size={860}
      title={<span className="cut">{file.name}</span>}
      closeButtonProps={{ "aria-label": common("close") }}
    >
      <div className={classes.facts}>
        <span className="muted num">{formatBytes(file.size_bytes)}</span>
        <span className="muted mono cut">{file.mime}</span>
        <span className={classes.space} />
        <Button
          component="a"
          href={filePath(workspaceId, file.id, "/content")}
          download={file.name}
          variant="default"
          leftSection={<Icon name="download" />}
        >
          {t("download")}
        </Button>
      </div>
      <Content workspaceId={workspaceId} file={file} />
    </Modal>
  );
}

function Content({ workspaceId, file }: Props) {
  const t = useText(text);
  const query = useQuery(filePreviewQuery(workspaceId, file.id));
  if (query.error) return <ProblemBlock error={query.error} onRetry={() => void query.refetch()} />;
  if (!query.data) return <Skeleton height={320} />;
  const preview = query.data;
  return (
    <div className={classes.content}>
      <Shown workspaceId={workspaceId} file={file} preview={preview} />
      {preview.is_cut && <p className="muted">{t("cut")}</p>}
    </div>
  );
}

function Shown({ workspaceId, file, preview }: Props & { preview: FilePreview }) {
  const t = useText(text);
  switch (preview.kind) {
    case "image":
      return (
        <img className={classes.picture} src={filePath(workspaceId, file.id, "/content")} alt={file.name} />
      );
    case "pdf":
      return <Pages workspaceId={workspaceId} file={file} count={preview.page_count} />;
    case "table":
      return preview.columns.length > 0 ? <Rows preview={preview} /> : <p className="muted">{t("empty")}</p>;
    case "json":
      return <JsonText source={preview.text} />;
    case "text":
      return preview.text === "" ? (
        <p className="muted">{t("empty")}</p>
      ) : (
        <pre className={classes.text}>{preview.text}</pre>
      );
    default:
      return (
        <EmptyState icon="file" title={t("none.title")}>
          {t("none.lead")}
        </EmptyState>
      );
  }
}

function JsonText({ source }: { source: string }) {
  let value: Json;
  try {
    value = JSON.parse(source) as Json;
  } catch {
    return <pre className={classes.text}>{source}</pre>;
  }
  return <JsonView value={value} />;
}

function Rows({ preview }: { preview: FilePreview }) {
  return (
    <div className={classes.scroll}>
      <table className={classes.rows}>
        <thead>
          <tr>
            {preview.columns.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {preview.rows.map((row, number) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: rows of a file have no identity but their place.
            <tr key={number}>
              {preview.columns.map((name, column) => (
                <td key={name} data-number={typeof row[column] === "number" || undefined}>
                  {shown(row[column])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const shown = (cell: Json | undefined): string => (cell === null || cell === undefined ? "" : String(cell));

function Pages({ workspaceId, file, count }: Props & { count: number }) {
  const t = useText(text);
  const [page, setPage] = useState(1);
  const [failed, setFailed] = useState<number | null>(null);
  return (
    <>
      <div className={classes.pager}>
        <ActionIcon
          variant="default"
          aria-label={t("page.previous")}
          disabled={page <= 1}
          onClick={() => setPage(page - 1)}
        >
          <Icon name="chevron-left" />
        </ActionIcon>
        <span className="num">{t("page.of", { page: formatNumber(page), count: formatNumber(count) })}</span>
        <ActionIcon
          variant="default"
          aria-label={t("page.next")}
          disabled={page >= count}
          onClick={() => setPage(page + 1)}
        >
          <Icon name="chevron-right" />
        </ActionIcon>
      </div>
      {failed === page ? (
        <p className="muted">{t("page.failed")}</p>
      ) : (
        <div className={classes.page}>
          <img
            className={classes.picture}
            src={filePath(workspaceId, file.id, `/pages/${page}`)}
            alt={t("page.alt", { page, name: file.name })}
            onError={() => setFailed(page)}
          />
        </div>
      )}
    </>
  );
}
