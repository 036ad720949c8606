import { Button, NumberInput, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { ProblemNote } from "@/components/problem-view";
import { tell } from "@/components/toast";
import { formatBytes, formatNumber, useText } from "@/i18n";
import { type Storage, storageQuery, useRetention } from "../api";
import classes from "../files-page.module.css";
import { filesText } from "../text";

const kinds = ["uploads", "artifacts", "values", "vectors"] as const;
type Props = { workspaceId: string; canManage: boolean };

/** What the workspace keeps, by kind, beside the list. */
export function StorageCard({ workspaceId, canManage }: Props) {
  const t = useText(filesText);
  const query = useQuery(storageQuery(workspaceId));
  const [changing, setChanging] = useState(false);
  const storage = query.data;
  const days = (count: number) => (count === 0 ? t("keep.always") : t("keep.days", { count }));
  return (
    <aside className={classes.storage} aria-label={t("size.title")}>
      <h2>{t("size.title")}</h2>
      {query.error && <ProblemNote error={query.error} />}
      {!storage && !query.error && <Skeleton height={140} />}
      {storage && (
        <>
          <p className={`${classes.total} num`}>
            {storage.quota_bytes === 0
              ? formatBytes(storage.used_bytes)
              : t("size.of", {
                  used: formatBytes(storage.used_bytes),
                  quota: formatBytes(storage.quota_bytes),
                })}
          </p>
          <Bar storage={storage} />
          <dl className={classes.kinds}>
            {kinds.map((kind) => (
              <div key={kind} data-kind={kind}>
                <dt>{t(`size.${kind}`)}</dt>
                <dd className="num muted">{formatNumber(storage[kind].count)}</dd>
                <dd className="num">{formatBytes(storage[kind].size_bytes)}</dd>
              </div>
            ))}
          </dl>
          <p className="muted">{t("size.shared")}</p>
          <h2>{t("size.keep")}</h2>
          <dl className={classes.kinds}>
            <div>
              <dt>{t("size.uploads")}</dt>
              <dd className="num">{days(storage.uploads_days)}</dd>
            </div>
            <div>
              <dt>{t("size.artifacts")}</dt>
              <dd className="num">{days(storage.artifacts_days)}</dd>
            </div>
          </dl>
          {canManage && (
            <Button size="xs" variant="default" onClick={() => setChanging(true)}>
              {t("keep.title")}
            </Button>
          )}
          {changing && (
            <RetentionDialog workspaceId={workspaceId} storage={storage} onClose={() => setChanging(false)} />
          )}
        </>
      )}
    </aside>
  );
}

/** Each kind's share of what may be kept, or of what is. */
function Bar({ storage }: { storage: Storage }) {
  const sum = kinds.reduce((total, kind) => total + storage[kind].size_bytes, 0);
  const whole = Math.max(storage.quota_bytes || sum, sum, 1);
  return (
    <div className={classes.bar} aria-hidden="true">
      {kinds.map((kind) => (
        <span key={kind} data-kind={kind} style={{ width: `${(storage[kind].size_bytes / whole) * 100}%` }} />
      ))}
    </div>
  );
}

type DialogProps = { workspaceId: string; storage: Storage; onClose: () => void };

function RetentionDialog({ workspaceId, storage, onClose }: DialogProps) {
  const t = useText(filesText);
  const save = useRetention(workspaceId);
  const [uploads, setUploads] = useState<number | string>(storage.uploads_days);
  const [artifacts, setArtifacts] = useState<number | string>(storage.artifacts_days);
  const done = () => {
    tell(t("kept"));
    onClose();
  };
  return (
    <FormDialog
      opened
      title={t("keep.title")}
      action={t("keep.action")}
      busy={save.isPending}
      error={save.error}
      disabled={uploads === "" || artifacts === ""}
      onClose={onClose}
      onAction={() =>
        save.mutate({ uploads_days: Number(uploads), artifacts_days: Number(artifacts) }, { onSuccess: done })
      }
    >
      <NumberInput label={t("keep.uploads")} value={uploads} onChange={setUploads} min={0} max={3650} />
      <NumberInput
        label={t("keep.artifacts")}
        description={t("keep.hint")}
        inputWrapperOrder={["label", "input", "description"]}
        value={artifacts}
        onChange={setArtifacts}
        min={0}
        max={3650}
      />
    </FormDialog>
  );
}
