/** The words of a comment. Text is only ever text: no markup of a person is rendered. */
import { Fragment } from "react";
import { type Named, partsOf } from "./body-model";
import classes from "./comments.module.css";

export function CommentBody({ body, people }: { body: string; people: readonly Named[] }) {
  return (
    <p className={classes.body}>
      {partsOf(body, people).map((part, index) => {
        const key = index;
        if (part.kind === "mention") {
          return (
            <span key={key} className={classes.mention}>
              @{part.name}
            </span>
          );
        }
        if (part.kind === "link") {
          return (
            <a key={key} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
              {part.href}
            </a>
          );
        }
        return <Fragment key={key}>{part.text}</Fragment>;
      })}
    </p>
  );
}
