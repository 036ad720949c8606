import { Menu } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useRef } from "react";
import { fileIcon, Icon } from "@/components/icon";
import { UploadList } from "@/components/upload-list";
import { isObject, type Json } from "@/flow-core";
import { formatBytes, useText } from "@/i18n";
import { isGoing, useUploads } from "@/lib/uploads";
import { filesQuery } from "../../../api/queries";
import type { FileItem } from "../../../api/types";
import { useEditor } from "../../../stores/context";
import { editorText } from "../../../text";
import classes from "../inspector.module.css";
import type { ControlProps } from "./field-control";

export function FilesField({ node, field, label, disabled }: ControlProps) {
  const { operations, undo, workspaceId, flowId } = useEditor();
  const value = node.config[field.name];
  return (
    <FilesInput
      workspaceId={workspaceId}
      place={`${flowId}/${node.id}/${field.name}`}
      label={label}
      disabled={disabled}
      value={Array.isArray(value) ? value : []}
      onChange={(files) => {
        undo.cut();
        operations.setConfig(node.id, field.name, files);
        undo.cut();
      }}
    />
  );
}

type Props = {
  workspaceId: string;
  /** Where the field stands: what is uploaded there is found there again. */
  place: string;
  label: string;
  disabled: boolean;
  value: readonly Json[];
  onChange: (files: Json[]) => void;
  /** Told whether files are on their way here that the value does not hold yet. */
  onArriving?: (arriving: boolean) => void;
};

/** Files of the workspace: upload new ones (also by dropping them here) or choose from those there. */
export function FilesInput({ workspaceId, place, label, disabled, value, onChange, onArriving }: Props) {
  const t = useText(editorText);
  const picker = useRef<HTMLInputElement>(null);
  const { uploads, queue } = useUploads(workspaceId, place);
  const add = (chosen: readonly File[]) => queue.add(chosen, () => "");
  useEffect(() => {
    const done = uploads.filter(({ stored }) => stored !== null);
    if (done.length === 0 || disabled) return;
    queue.clear(new Set(done.map(({ key }) => key)));
    onChange([...value, ...done.flatMap(({ stored }) => (stored ? [asValue(stored)] : []))]);
  }, [uploads, queue, disabled, value, onChange]);
  const arriving = uploads.some((upload) => isGoing(upload) || upload.stored !== null);
  const tellArriving = useEffectEvent((now: boolean) => onArriving?.(now));
  useEffect(() => tellArriving(arriving), [arriving]);
  const files = value.filter(isObject);
  return (
    <fieldset
      className={classes.files}
      aria-label={label}
      onDragOver={(event) => !disabled && event.preventDefault()}
      onDrop={(event) => {
        if (disabled || event.dataTransfer.files.length === 0) return;
        event.preventDefault();
        add([...event.dataTransfer.files]);
      }}
    >
      {files.map((file, index) => (
        <div key={String(file.ref)} className={classes.fileRow}>
          <Icon name={fileIcon(String(file.mime ?? ""))} size={13} />
          <span className="cut" title={String(file.name ?? "")}>
            {String(file.name ?? "")}
          </span>
          <span className="muted num">{formatBytes(Number(file.size_bytes ?? 0))}</span>
          {!disabled && (
            <button
              type="button"
              className={classes.iconButton}
              aria-label={t("files.remove", { name: String(file.name ?? "") })}
              onClick={() => onChange(files.filter((_, other) => other !== index))}
            >
              <Icon name="close" size={12} />
            </button>
          )}
        </div>
      ))}
      {uploads.length > 0 && (
        <UploadList
          isNarrow
          uploads={uploads}
          onStop={(key) => queue.stop(key)}
          onAgain={(key) => queue.again(key)}
          onRemove={(key) => queue.clear(new Set([key]))}
        />
      )}
      {files.length === 0 && disabled && <span className="muted">{t("files.none")}</span>}
      {!disabled && (
        <div className={classes.fileActions}>
          <input
            ref={picker}
            type="file"
            multiple
            hidden
            data-testid="file-input"
            aria-label={t("files.upload")}
            onChange={(event) => {
              add([...(event.target.files ?? [])]);
              event.target.value = "";
            }}
          />
          <button type="button" className={classes.small} onClick={() => picker.current?.click()}>
            <Icon name="upload" size={13} /> {t("files.upload")}
          </button>
          <ExistingFiles
            workspaceId={workspaceId}
            taken={new Set(files.map((file) => String(file.ref)))}
            onPick={(file) => onChange([...value, asValue(file)])}
          />
        </div>
      )}
    </fieldset>
  );
}

function ExistingFiles({
  workspaceId,
  taken,
  onPick,
}: {
  workspaceId: string;
  taken: ReadonlySet<string>;
  onPick: (file: FileItem) => void;
}) {
  const t = useText(editorText);
  const query = useQuery(filesQuery(workspaceId));
  const free = (query.data ?? []).filter((file) => !taken.has(file.ref));
  if (free.length === 0) return null;
  return (
    <Menu width={260} position="bottom-start">
      <Menu.Target>
        <button type="button" className={classes.small}>
          {t("files.choose")} <Icon name="chevron-down" size={12} />
        </button>
      </Menu.Target>
      <Menu.Dropdown mah={280} style={{ overflowY: "auto" }}>
        {free.map((file) => (
          <Menu.Item
            key={file.id}
            onClick={() => onPick(file)}
            rightSection={<span className="muted">{formatBytes(file.size_bytes)}</span>}
          >
            {file.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

/** What a `File` value carries between nodes; the rest of the row stays on the server. */
function asValue({ name, mime, size_bytes, ref }: Omit<FileItem, "id" | "created_at">): Json {
  return { name, mime, size_bytes, ref };
}
