/** An open thread: every comment, an answer, resolve. */
import { ActionIcon, Button, Menu } from "@mantine/core";
import { useEffect, useRef } from "react";
import { Icon } from "@/components/icon";
import { tell, tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import type { CommentThread } from "@/lib/api";
import { useCommentActions } from "../../api/comments";
import { useCanComment } from "../../hooks/use-comments";
import { useCanEdit, useEditor, useRole } from "../../stores/context";
import { CommentView } from "./comment-view";
import classes from "./comments.module.css";
import { Composer } from "./composer";
import { commentsText } from "./text";
import { ThreadPlaceName } from "./thread-place";

type Props = { thread: CommentThread; onClose: () => void };

export function ThreadCard({ thread, onClose }: Props) {
  const t = useText(commentsText);
  const { workspaceId, flowId } = useEditor();
  const canComment = useCanComment();
  const actions = useCommentActions(workspaceId, flowId);
  const list = useRef<HTMLDivElement>(null);
  const count = thread.comments.length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new comment is what scrolls.
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [count]);
  return (
    <section className={classes.card} aria-label={t("thread")} data-testid="comment-thread">
      <Head thread={thread} onClose={onClose} />
      <div className={classes.list} ref={list}>
        {thread.comments.map((comment) => (
          <CommentView key={comment.id} thread={thread} comment={comment} actions={actions} />
        ))}
      </div>
      {thread.resolved_at && (
        <p className={classes.resolved}>
          <Icon name="check" />
          {thread.resolved_by ? t("resolved.by", { name: thread.resolved_by.name }) : t("resolved")}
        </p>
      )}
      {canComment ? (
        <div className={classes.answer}>
          <Composer
            key={thread.id}
            placeholder={t("reply")}
            action={t("send")}
            onSend={(body) => actions.reply(thread.id, body)}
          />
        </div>
      ) : (
        <p className={classes.off}>{t("off")}</p>
      )}
    </section>
  );
}

function Head({ thread, onClose }: Props) {
  const t = useText(commentsText);
  const { workspaceId, flowId, personId } = useEditor();
  const canEdit = useCanEdit();
  const canComment = useCanComment();
  const actions = useCommentActions(workspaceId, flowId);
  const isMine = thread.created_by?.id === personId;
  const isResolved = thread.resolved_at !== null;
  return (
    <header className={classes.head}>
      <ThreadPlaceName thread={thread} />
      <span className={classes.space} />
      {canComment && (canEdit || isMine) && (
        <Button
          size="compact-xs"
          variant="default"
          leftSection={<Icon name={isResolved ? "retry" : "check"} size={12} />}
          loading={actions.isBusy}
          onClick={() =>
            void actions
              .resolve(thread.id, !isResolved)
              .then(() => !isResolved && onClose())
              .catch(tellProblem)
          }
        >
          {isResolved ? t("reopen") : t("resolve")}
        </Button>
      )}
      <ThreadMenu
        thread={thread}
        onDelete={() => void actions.removeThread(thread.id).then(onClose).catch(tellProblem)}
      />
      <ActionIcon variant="subtle" color="gray" size={22} aria-label={t("close")} onClick={onClose}>
        <Icon name="close" />
      </ActionIcon>
    </header>
  );
}

function ThreadMenu({ thread, onDelete }: { thread: CommentThread; onDelete: () => void }) {
  const t = useText(commentsText);
  const { personId } = useEditor();
  const role = useRole();
  const canComment = useCanComment();
  const isAlone = thread.comments.every((comment) => comment.author?.id === personId);
  const canDelete = canComment && (role === "owner" || (thread.created_by?.id === personId && isAlone));
  const copyLink = async (): Promise<void> => {
    const address = new URL(window.location.href);
    address.search = `?thread=${thread.id}`;
    await navigator.clipboard.writeText(address.href);
    tell(t("link.done"));
  };
  return (
    <Menu position="bottom-end" width={190}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={22} aria-label={t("actions.thread")}>
          <Icon name="more" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Icon name="link" />} onClick={() => void copyLink()}>
          {t("link")}
        </Menu.Item>
        {canDelete && (
          <Menu.Item leftSection={<Icon name="trash" />} c="var(--danger-text)" onClick={onDelete}>
            {t("delete.thread")}
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  );
}
