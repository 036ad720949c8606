/** Files on their way: how far each is, what went wrong, and how to stop it or send it again. */
import { ActionIcon, Progress } from "@mantine/core";
import { defineText, formatBytes, useText } from "@/i18n";
import { isGoing, type Upload } from "@/lib/uploads";
import { Icon, type IconName } from "./icon";
import classes from "./upload-list.module.css";

const text = defineText("upload_list", {
  en: {
    title: "Uploading",
    progress: "{{sent}} of {{total}}",
    waiting: "Waiting",
    broken: "Interrupted, goes on by itself",
    done: "Done",
    stopped: "Stopped",
    stop: "Stop uploading “{{name}}”",
    again: "Upload “{{name}}” again",
    remove: "Take “{{name}}” off the list",
  },
  zh: {
    title: "正在上传",
    progress: "{{sent}} / {{total}}",
    waiting: "等待中",
    broken: "已中断，将自动继续",
    done: "已完成",
    stopped: "已停止",
    stop: "停止上传“{{name}}”",
    again: "重新上传“{{name}}”",
    remove: "从列表中移除“{{name}}”",
  },
});

type Props = {
  uploads: readonly Upload[];
  /** In a narrow place the progress lies beneath the name. */
  isNarrow?: boolean;
  onStop: (key: number) => void;
  onAgain: (key: number) => void;
  /** Where single ones can be taken off the list. */
  onRemove?: ((key: number) => void) | undefined;
  children?: React.ReactNode;
};

export function UploadList({ uploads, isNarrow = false, onStop, onAgain, onRemove, children }: Props) {
  const t = useText(text);
  return (
    <section className={classes.uploads} data-narrow={isNarrow || undefined} aria-label={t("title")}>
      {uploads.map((upload) => (
        <UploadRow key={upload.key} {...{ upload, onStop, onAgain, onRemove }} />
      ))}
      {children}
    </section>
  );
}

const icons: Partial<Record<Upload["state"], IconName>> = {
  done: "check",
  failed: "warning",
  broken: "warning",
};
const colours: Partial<Record<Upload["state"], string>> = {
  done: "var(--success)",
  failed: "var(--danger)",
  broken: "var(--warning)",
};

type RowProps = Pick<Props, "onStop" | "onAgain" | "onRemove"> & { upload: Upload };

function UploadRow({ upload, onStop, onAgain, onRemove }: RowProps) {
  const t = useText(text);
  const { key, file, state } = upload;
  return (
    <div className={classes.upload} data-state={state}>
      <Icon name={icons[state] ?? "upload"} size={13} />
      <span className="cut" title={file.name}>
        {file.name}
      </span>
      <Progress
        className={classes.bar}
        value={shareOf(upload) * 100}
        size={4}
        aria-label={file.name}
        color={colours[state] ?? "var(--accent)"}
      />
      <span className={`${classes.state} num`} title={upload.reason} aria-live="polite">
        <StateText upload={upload} />
      </span>
      <span className={classes.actions}>
        {isGoing(upload) && (
          <Action label={t("stop", { name: file.name })} icon="close" onClick={() => onStop(key)} />
        )}
        {(state === "stopped" || state === "failed") && (
          <Action label={t("again", { name: file.name })} icon="retry" onClick={() => onAgain(key)} />
        )}
        {(state === "stopped" || state === "failed") && onRemove && (
          <Action label={t("remove", { name: file.name })} icon="close" onClick={() => onRemove(key)} />
        )}
      </span>
    </div>
  );
}

function Action({ label, icon, onClick }: { label: string; icon: IconName; onClick: () => void }) {
  return (
    <ActionIcon variant="subtle" color="gray" aria-label={label} title={label} onClick={onClick}>
      <Icon name={icon} size={12} />
    </ActionIcon>
  );
}

const shareOf = ({ state, file, sent_bytes }: Upload): number =>
  state === "done" ? 1 : file.size === 0 ? 0 : sent_bytes / file.size;

function StateText({ upload }: { upload: Upload }) {
  const t = useText(text);
  const { state, sent_bytes, file, reason } = upload;
  if (state === "failed") return reason;
  if (state !== "sending") return t(state);
  return t("progress", { sent: formatBytes(sent_bytes), total: formatBytes(file.size) });
}
