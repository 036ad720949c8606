import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { FilePreviewDialog } from "@/components/file-preview";
import { Icon } from "@/components/icon";
import { formatBytes, useText } from "@/i18n";
import type { RunDetail } from "@/lib/api";
import { runFilesQuery, type StoredFile } from "@/lib/files";
import { isActive } from "../api";
import classes from "../run-page.module.css";
import { runsText } from "../text";

const lively_ms = 4000;

/** The files a run has written, each with a first look at it. */
export function RunFiles({ workspaceId, run }: { workspaceId: string; run: RunDetail }) {
  const t = useText(runsText);
  const refetchInterval = isActive(run.state) ? lively_ms : false;
  const files = useQuery({ ...runFilesQuery(workspaceId, run.id), refetchInterval }).data ?? [];
  const [shown, setShown] = useState<StoredFile | null>(null);
  if (files.length === 0) return null;
  return (
    <>
      <h2>{t("run.files")}</h2>
      <ul className={classes.files}>
        {files.map((file) => (
          <li key={file.id}>
            <button
              type="button"
              onClick={() => setShown(file)}
              aria-label={t("run.file", { name: file.name })}
            >
              <Icon name="file" size={13} />
              <span className="cut" title={file.name}>
                {file.name}
              </span>
              <span className="muted num">{formatBytes(file.size_bytes)}</span>
            </button>
          </li>
        ))}
      </ul>
      {shown && <FilePreviewDialog workspaceId={workspaceId} file={shown} onClose={() => setShown(null)} />}
    </>
  );
}
