/** One comment of a thread: who, when, what, the signs under it, and what its author may do. */
import { ActionIcon, Menu, Popover } from "@mantine/core";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { PersonAvatar } from "@/components/person-avatar";
import { tellProblem } from "@/components/toast";
import { formatFullTime, formatTime, useText } from "@/i18n";
import type { Comment, CommentThread } from "@/lib/api";
import type { CommentActions } from "../../api/comments";
import { useCanComment, useMentionable } from "../../hooks/use-comments";
import { useEditor, useRole } from "../../stores/context";
import { readable } from "./body-model";
import { CommentBody } from "./comment-body";
import classes from "./comments.module.css";
import { Composer } from "./composer";
import { commentsText } from "./text";

const SIGNS = ["👍", "❤️", "🎉", "😄", "👀", "✅"] as const;

type Props = { thread: CommentThread; comment: Comment; actions: CommentActions };

export function CommentView({ thread, comment, actions }: Props) {
  const t = useText(commentsText);
  const { personId } = useEditor();
  const role = useRole();
  const canComment = useCanComment();
  const [editing, setEditing] = useState(false);
  const isMine = comment.author?.id === personId;
  const name = comment.author?.name ?? t("former");
  return (
    <article className={classes.comment} data-testid="comment">
      {comment.author ? (
        <PersonAvatar person={comment.author} size={22} />
      ) : (
        <span className={classes.gone} />
      )}
      <div className={classes.said}>
        <header>
          <b className="cut">{name}</b>
          <time dateTime={comment.created_at} title={formatFullTime(comment.created_at)}>
            {formatTime(comment.created_at)}
          </time>
          {comment.edited_at && (
            <span className={classes.quiet} title={formatFullTime(comment.edited_at)}>
              {t("edited")}
            </span>
          )}
          <span className={classes.space} />
          {canComment && (isMine || role === "owner") && (
            <CommentMenu
              name={name}
              canEdit={isMine}
              onEdit={() => setEditing(true)}
              onDelete={() => void actions.remove(thread.id, comment.id).catch(tellProblem)}
            />
          )}
        </header>
        {editing ? (
          <Composer
            autoFocus
            initial={readable(comment.body, comment.mentions)}
            placeholder={t("write")}
            action={t("save")}
            onCancel={() => setEditing(false)}
            onSend={(body) => actions.edit(thread.id, comment.id, body).then(() => setEditing(false))}
          />
        ) : (
          <CommentBody body={comment.body} people={comment.mentions} />
        )}
        <Reactions
          comment={comment}
          canReact={canComment}
          onReact={(emoji, on) => void actions.react(thread.id, comment.id, emoji, on).catch(tellProblem)}
        />
      </div>
    </article>
  );
}

type MenuProps = { name: string; canEdit: boolean; onEdit: () => void; onDelete: () => void };

function CommentMenu({ name, canEdit, onEdit, onDelete }: MenuProps) {
  const t = useText(commentsText);
  return (
    <Menu position="bottom-end" width={170}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={20} aria-label={t("actions", { name })}>
          <Icon name="more" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {canEdit && (
          <Menu.Item leftSection={<Icon name="pencil" />} onClick={onEdit}>
            {t("edit")}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<Icon name="trash" />} c="var(--danger-text)" onClick={onDelete}>
          {t("delete")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

type ReactionsProps = {
  comment: Comment;
  canReact: boolean;
  onReact: (emoji: string, on: boolean) => void;
};

function Reactions({ comment, canReact, onReact }: ReactionsProps) {
  const t = useText(commentsText);
  const { personId } = useEditor();
  const people = useMentionable();
  const [open, setOpen] = useState(false);
  const nameOf = (id: string): string => people.find((person) => person.id === id)?.name ?? t("former");
  if (comment.reactions.length === 0 && !canReact) return null;
  return (
    <div className={classes.reactions}>
      {comment.reactions.map(({ emoji, people: by }) => (
        <button
          key={emoji}
          type="button"
          className={classes.reaction}
          aria-pressed={by.includes(personId)}
          disabled={!canReact}
          title={t("reaction.by", { emoji, names: by.map(nameOf).join(", ") })}
          onClick={() => onReact(emoji, !by.includes(personId))}
        >
          {emoji} <span className="num">{by.length}</span>
        </button>
      ))}
      {canReact && (
        <Popover opened={open} onChange={setOpen} position="top-start" withinPortal={false}>
          <Popover.Target>
            <button
              type="button"
              className={classes.addReaction}
              aria-label={t("react")}
              onClick={() => setOpen(!open)}
            >
              <Icon name="plus" size={11} />
            </button>
          </Popover.Target>
          <Popover.Dropdown p={4} className={classes.signs ?? ""}>
            {SIGNS.map((emoji) => (
              <button
                key={emoji}
                type="button"
                aria-label={t("reaction.on", { emoji })}
                onClick={() => {
                  setOpen(false);
                  onReact(emoji, true);
                }}
              >
                {emoji}
              </button>
            ))}
          </Popover.Dropdown>
        </Popover>
      )}
    </div>
  );
}
