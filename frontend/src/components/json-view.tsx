/** JSON as readable text: keys and strings coloured, long values cut with the sizes said. */
import { useMemo } from "react";
import { formatBytes, useText } from "@/i18n";
import type { Json } from "@/lib/api";
import { commonText } from "./common-text";
import classes from "./json-view.module.css";

const pattern = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\b\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b/g;

type Piece = { text: string; kind: "plain" | "key" | "string" | "word" | "number" };

export function colourJson(text: string): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > end) pieces.push({ text: text.slice(end, match.index), kind: "plain" });
    const [whole, quoted, colon, word] = match;
    if (quoted && colon) {
      pieces.push({ text: quoted, kind: "key" }, { text: colon, kind: "plain" });
    } else pieces.push({ text: whole, kind: quoted ? "string" : word ? "word" : "number" });
    end = match.index + whole.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end), kind: "plain" });
  return pieces;
}

const limit = 20_000;

export function JsonView({ value, label }: { value: Json; label?: string }) {
  const t = useText(commonText);
  const whole = useMemo(() => (typeof value === "string" ? value : JSON.stringify(value, null, 2)), [value]);
  const shown = whole.length > limit ? whole.slice(0, limit) : whole;
  const pieces = useMemo<Piece[]>(
    () => (typeof value === "string" ? [{ text: shown, kind: "plain" }] : colourJson(shown)),
    [shown, value],
  );
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region must be reachable by keyboard. */}
      <section className={classes.json} aria-label={label} tabIndex={0}>
        {pieces.map((piece, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one fixed text.
          <span key={index} data-kind={piece.kind}>
            {piece.text}
          </span>
        ))}
      </section>
      {shown.length < whole.length && (
        <p className={classes.cut}>
          {t("truncated", { shown: formatBytes(shown.length), total: formatBytes(whole.length) })}
        </p>
      )}
    </>
  );
}
