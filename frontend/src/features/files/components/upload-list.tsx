import { ActionIcon, Button, Progress } from "@mantine/core";
import { Icon } from "@/components/icon";
import { formatBytes, useText } from "@/i18n";
import classes from "../files-page.module.css";
import { filesText } from "../text";
import { isGoing, type Upload } from "../use-uploads";

type Props = {
  uploads: readonly Upload[];
  onStop: (key: number) => void;
  onAgain: (key: number) => void;
  onClear: () => void;
};

export function UploadList({ uploads, onStop, onAgain, onClear }: Props) {
  const t = useText(filesText);
  return (
    <section className={classes.uploads} aria-label={t("up.title")}>
      {uploads.map((upload) => (
        <UploadRow key={upload.key} upload={upload} onStop={onStop} onAgain={onAgain} />
      ))}
      {!uploads.some(isGoing) && (
        <Button size="xs" variant="subtle" color="gray" onClick={onClear}>
          {t("up.clear")}
        </Button>
      )}
    </section>
  );
}

type RowProps = Pick<Props, "onStop" | "onAgain"> & { upload: Upload };

function UploadRow({ upload, onStop, onAgain }: RowProps) {
  const t = useText(filesText);
  const { key, file, sent_bytes, state } = upload;
  const share = state === "done" ? 100 : file.size === 0 ? 0 : (sent_bytes / file.size) * 100;
  const failed = state === "failed";
  return (
    <div className={classes.upload} data-state={state}>
      <Icon name={state === "done" ? "check" : failed ? "warning" : "upload"} size={13} />
      <span className="cut" title={file.name}>
        {file.name}
      </span>
      <Progress
        value={share}
        size={4}
        aria-label={file.name}
        color={failed ? "var(--danger)" : state === "done" ? "var(--success)" : "var(--accent)"}
      />
      <span className={`${classes.uploadState} num`} title={upload.reason}>
        <StateText upload={upload} />
      </span>
      {isGoing(upload) ? (
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={t("up.stop", { name: file.name })}
          onClick={() => onStop(key)}
        >
          <Icon name="close" size={12} />
        </ActionIcon>
      ) : state === "done" ? (
        <span />
      ) : (
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={t("up.again", { name: file.name })}
          onClick={() => onAgain(key)}
        >
          <Icon name="retry" size={12} />
        </ActionIcon>
      )}
    </div>
  );
}

function StateText({ upload }: { upload: Upload }) {
  const t = useText(filesText);
  switch (upload.state) {
    case "sending":
      return t("up.progress", { sent: formatBytes(upload.sent_bytes), total: formatBytes(upload.file.size) });
    case "waiting":
      return t("up.waiting");
    case "done":
      return t("up.done");
    case "stopped":
      return t("up.stopped");
    default:
      return upload.reason;
  }
}
