/** All threads of the flow in a list, in the inspector's place. */
import { useState } from "react";
import { Icon } from "@/components/icon";
import { PersonAvatar } from "@/components/person-avatar";
import { formatTime, useText } from "@/i18n";
import type { CommentThread } from "@/lib/api";
import { useComments } from "../../hooks/use-comments";
import { useEditor, useUi } from "../../stores/context";
import { SidePanelFrame } from "../side-panel-frame";
import { readable } from "./body-model";
import classes from "./comments.module.css";
import { commentsText } from "./text";
import { type Filter, threadsFor } from "./thread-filter";
import { ThreadPlaceName } from "./thread-place";

const FILTERS: readonly Filter[] = ["open", "mine", "resolved"];

export function CommentsPanel() {
  const t = useText(commentsText);
  const { personId } = useEditor();
  const threads = useComments();
  const [filter, setFilter] = useState<Filter>("open");
  const found = threadsFor(threads, filter, personId);
  return (
    <SidePanelFrame title={t("title")} testId="comments-panel">
      <div className={classes.filters} role="radiogroup" aria-label={t("filter.label")}>
        {FILTERS.map((name) => (
          // biome-ignore lint/a11y/useSemanticElements: a segmented control, styled as one.
          <button
            key={name}
            type="button"
            role="radio"
            aria-checked={filter === name}
            onClick={() => setFilter(name)}
          >
            {t(`filter.${name}`)}
            <span className="num">{threadsFor(threads, name, personId).length}</span>
          </button>
        ))}
      </div>
      {found.length === 0 ? (
        <div className={classes.empty}>
          <b>{t(`empty.${filter}`)}</b>
          {filter === "open" && t("empty.open.lead")}
        </div>
      ) : (
        <ul className={classes.threads}>
          {found.map((thread) => (
            <ThreadRow key={thread.id} thread={thread} />
          ))}
        </ul>
      )}
    </SidePanelFrame>
  );
}

function ThreadRow({ thread }: { thread: CommentThread }) {
  const t = useText(commentsText);
  const { ui } = useEditor();
  const isOpen = useUi((state) => state.openThread === thread.id);
  const [first, ...replies] = thread.comments;
  if (!first) return null;
  const author = first.author ?? { name: t("former"), color: 8 };
  return (
    <li>
      <button
        type="button"
        className={classes.row}
        data-open={isOpen || undefined}
        data-testid="comment-row"
        onClick={() => ui.setState({ openThread: thread.id, newThread: null })}
      >
        <span className={classes.rowHead}>
          <PersonAvatar person={author} size={18} />
          <b className="cut">{author.name}</b>
          {thread.resolved_at && <Icon name="check" size={12} />}
          <span className={classes.space} />
          <time dateTime={thread.active_at}>{formatTime(thread.active_at)}</time>
        </span>
        <span className={classes.excerpt}>{readable(first.body, first.mentions)}</span>
        <span className={classes.rowEnd}>
          <ThreadPlaceName thread={thread} />
          {replies.length > 0 && <span>{t("replies", { count: replies.length })}</span>}
        </span>
      </button>
    </li>
  );
}
