/** A sticky note: a few lines for people, with **bold**, `code` and a heading. */
import { type NodeProps, NodeResizer, type Node as XyNode } from "@xyflow/react";
import { memo, type ReactNode, useState } from "react";
import type { NoteShape } from "@/flow-core";
import { useText } from "@/i18n";
import { useCanEdit, useEditor, useUi } from "../../stores/context";
import { editorText } from "../../text";
import classes from "./note-card.module.css";

export type NoteNode = XyNode<{ note: NoteShape }, "note">;

function NoteCardView({ id, data, selected }: NodeProps<NoteNode>) {
  const { note } = data;
  const canEdit = useCanEdit();
  const editing = useUi((state) => state.editingNote === id) && canEdit;
  const { ui, operations } = useEditor();
  const t = useText(editorText);
  return (
    <div
      className={classes.note}
      data-selected={selected || undefined}
      data-color={note.color}
      data-testid={`note-${id}`}
      role="note"
      onDoubleClick={() => canEdit && ui.setState({ editingNote: id })}
    >
      <NodeResizer
        isVisible={selected && canEdit}
        minWidth={96}
        minHeight={48}
        lineClassName={classes.line ?? ""}
        handleClassName={classes.handle ?? ""}
        onResizeEnd={(_, box) =>
          operations.setNote(id, {
            pos: [Math.round(box.x), Math.round(box.y)],
            size: [Math.round(box.width), Math.round(box.height)],
          })
        }
      />
      {editing ? (
        <NoteEditor note={note} />
      ) : (
        <div className={classes.text}>
          {note.text === "" ? <span className="muted">{t("note.empty")}</span> : lines(note.text)}
        </div>
      )}
    </div>
  );
}

export const NoteCard = memo(NoteCardView);

function NoteEditor({ note }: { note: NoteShape }) {
  const { ui, operations, undo } = useEditor();
  const t = useText(editorText);
  const [text, setText] = useState(note.text);
  const close = (): void => {
    undo.cut();
    operations.setNote(note.id, { text: text.slice(0, 20_000) });
    ui.setState({ editingNote: null });
  };
  return (
    <textarea
      className={`${classes.editor} nodrag nopan nowheel`}
      aria-label={t("note.edit")}
      value={text}
      // biome-ignore lint/a11y/noAutofocus: the note was opened for writing.
      autoFocus
      onChange={(event) => setText(event.target.value)}
      onBlur={close}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Escape") event.currentTarget.blur();
      }}
    />
  );
}

function lines(text: string): ReactNode[] {
  return text.split("\n").map((line, index) => {
    const heading = /^#+\s+(.*)$/.exec(line);
    const body = heading ? <b>{inline(heading[1] ?? "")}</b> : inline(line);
    // biome-ignore lint/suspicious/noArrayIndexKey: the lines of one fixed text.
    return <p key={index}>{body}</p>;
  });
}

function inline(line: string): ReactNode[] {
  return line.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part, index) => {
    const key = `${index}:${part}`;
    if (part.startsWith("**") && part.length > 4) return <b key={key}>{part.slice(2, -2)}</b>;
    if (part.startsWith("`") && part.length > 2) return <code key={key}>{part.slice(1, -1)}</code>;
    return <span key={key}>{part}</span>;
  });
}
