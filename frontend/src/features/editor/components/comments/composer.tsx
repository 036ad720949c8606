/** A field for a comment: Enter sends, Shift+Enter breaks the line, `@` offers people. */
import { Button } from "@mantine/core";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import { PersonAvatar } from "@/components/person-avatar";
import { tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import { useMentionable } from "../../hooks/use-comments";
import { mentionAt, withIds } from "./body-model";
import classes from "./comments.module.css";
import { commentsText } from "./text";

const LIMIT = 4_000;
const OFFERED = 6;

type Props = {
  initial?: string;
  placeholder: string;
  action: string;
  autoFocus?: boolean;
  onSend: (body: string) => Promise<unknown>;
  onCancel?: () => void;
};

export function Composer({ initial = "", placeholder, action, autoFocus, onSend, onCancel }: Props) {
  const t = useText(commentsText);
  const people = useMentionable();
  const field = useRef<HTMLTextAreaElement>(null);
  const [text, setText] = useState(initial);
  const [caret, setCaret] = useState(initial.length);
  const [chosen, setChosen] = useState(0);
  const [dismissed, setDismissed] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (autoFocus) field.current?.focus({ preventScroll: true });
  }, [autoFocus]);

  const asked = mentionAt(text, caret);
  const query = asked?.query.toLocaleLowerCase() ?? "";
  const offered =
    asked && asked.from !== dismissed
      ? people.filter((person) => person.name.toLocaleLowerCase().includes(query)).slice(0, OFFERED)
      : [];

  const pick = (index: number): void => {
    const person = offered[index];
    if (!asked || !person) return;
    const next = `${text.slice(0, asked.from)}@${person.name} `;
    setText(next + text.slice(caret));
    setCaret(next.length);
    setChosen(0);
    requestAnimationFrame(() => field.current?.setSelectionRange(next.length, next.length));
    field.current?.focus();
  };

  const send = async (): Promise<void> => {
    const body = withIds(text.trim(), people);
    if (body === "" || busy) return;
    setBusy(true);
    try {
      await onSend(body);
      setText("");
      setCaret(0);
    } catch (error) {
      tellProblem(error);
    } finally {
      setBusy(false);
    }
  };

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.nativeEvent.isComposing) return;
    const move = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (offered.length > 0 && move !== 0) setChosen((chosen + move + offered.length) % offered.length);
    else if (offered.length > 0 && (event.key === "Enter" || event.key === "Tab")) pick(chosen);
    else if (offered.length > 0 && event.key === "Escape") setDismissed(asked?.from ?? null);
    else if (event.key === "Enter" && !event.shiftKey) void send();
    else if (event.key === "Escape" && onCancel) onCancel();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div className={classes.composer}>
      {offered.length > 0 && (
        <div className={classes.offered} role="listbox" aria-label={t("mention")}>
          {offered.map((person, index) => (
            <button
              key={person.id}
              type="button"
              role="option"
              aria-selected={index === chosen}
              tabIndex={-1}
              onMouseDown={(event) => {
                event.preventDefault();
                pick(index);
              }}
            >
              <PersonAvatar person={person} size={18} />
              <span className="cut">{person.name}</span>
            </button>
          ))}
        </div>
      )}
      <textarea
        ref={field}
        value={text}
        rows={Math.min(8, Math.max(2, text.split("\n").length))}
        maxLength={LIMIT}
        placeholder={placeholder}
        aria-label={placeholder}
        onChange={(event) => {
          setText(event.target.value);
          setCaret(event.target.selectionStart);
          setChosen(0);
        }}
        onSelect={(event) => setCaret(event.currentTarget.selectionStart)}
        onKeyDown={onKeyDown}
      />
      <div className={classes.composerEnd}>
        {text.length > LIMIT - 300 && (
          <span className={classes.quiet}>{t("left", { count: LIMIT - text.length })}</span>
        )}
        <span className={classes.space} />
        {onCancel && (
          <Button size="xs" variant="default" onClick={onCancel}>
            {t("cancel")}
          </Button>
        )}
        <Button size="xs" loading={busy} disabled={text.trim() === ""} onClick={() => void send()}>
          {action}
        </Button>
      </div>
    </div>
  );
}
