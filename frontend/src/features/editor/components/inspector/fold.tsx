/** Rare settings, folded; the fold shows what they are set to. */
import { type ReactNode, useState } from "react";
import { Icon } from "@/components/icon";
import classes from "./inspector.module.css";

type FoldProps = { title: string; summary: string; open?: boolean; children: ReactNode };

export function Fold({ title, summary, open = false, children }: FoldProps) {
  const [opened, setOpened] = useState(open);
  const shown = opened || open;
  return (
    <section className={classes.fold}>
      <button type="button" aria-expanded={shown} onClick={() => setOpened(!shown)}>
        <Icon name={shown ? "chevron-down" : "chevron-right"} size={13} />
        <b>{title}</b>
        {!shown && <span className="muted cut">{summary}</span>}
      </button>
      {shown && <div className={classes.folded}>{children}</div>}
    </section>
  );
}
