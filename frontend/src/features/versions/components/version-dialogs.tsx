/** Commit, restore, publish: each says what will happen to whom. */
import { Textarea } from "@mantine/core";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import { ApiProblem, type VersionPage } from "@/lib/api";
import { useCommit, usePublish, useRollback } from "../api";
import { versionsText } from "../text";

type Common = { workspaceId: string; flowId: string; onClose: () => void };

export function CommitDialog({
  workspaceId,
  flowId,
  page,
  onClose,
  onDone,
}: Common & { page: VersionPage; onDone: (number: number) => void }) {
  const t = useText(versionsText);
  const commit = useCommit(workspaceId, flowId);
  const [message, setMessage] = useState("");
  const newest = page.items[0]?.number ?? 0;
  const number = newest + 1;
  const done = (made: { number: number }) => {
    tell(t("commit.done", { number: made.number }));
    onDone(made.number);
    onClose();
  };
  return (
    <FormDialog
      opened
      title={t("commit.title", { number })}
      action={t("commit.action", { number })}
      disabled={message.trim() === ""}
      busy={commit.isPending}
      error={commit.error}
      onClose={onClose}
      onAction={() => commit.mutate(message.trim(), { onSuccess: done })}
    >
      <p>{t("commit.lead")}</p>
      <Textarea
        data-autofocus
        label={t("commit.message")}
        value={message}
        maxLength={500}
        autosize
        minRows={2}
        maxRows={6}
        error={commit.error instanceof ApiProblem ? commit.error.field("message") : null}
        onChange={(event) => setMessage(event.currentTarget.value)}
      />
    </FormDialog>
  );
}

export function RollbackDialog({ workspaceId, flowId, number, onClose }: Common & { number: number }) {
  const t = useText(versionsText);
  const rollback = useRollback(workspaceId, flowId);
  const done = () => {
    tell(t("rollback.done", { number }));
    onClose();
  };
  return (
    <FormDialog
      opened
      title={t("rollback.title", { number })}
      action={t("rollback.action", { number })}
      busy={rollback.isPending}
      error={rollback.error}
      onClose={onClose}
      onAction={() => rollback.mutate(number, { onSuccess: done })}
    >
      <p>{t("rollback.lead", { number })}</p>
    </FormDialog>
  );
}

export function PublishDialog({ workspaceId, flowId, number, onClose }: Common & { number: number }) {
  const t = useText(versionsText);
  const publish = usePublish(workspaceId, flowId);
  const done = () => {
    tell(t("publish.done", { number }));
    onClose();
  };
  return (
    <FormDialog
      opened
      title={t("publish.title", { number })}
      action={t("publish.action", { number })}
      busy={publish.isPending}
      error={publish.error}
      onClose={onClose}
      onAction={() => publish.mutate(number, { onSuccess: done })}
    >
      <p>{t("publish.lead")}</p>
    </FormDialog>
  );
}
