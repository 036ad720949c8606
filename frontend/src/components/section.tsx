import type { ReactNode } from "react";
import classes from "./section.module.css";

type Props = { title: string; lead?: ReactNode; children: ReactNode; danger?: boolean };

/** One block of a settings page. */
export function Section({ title, lead, children, danger = false }: Props) {
  return (
    <section className={classes.section} data-danger={danger}>
      <h2>{title}</h2>
      {lead && <p className={classes.lead}>{lead}</p>}
      <div className={classes.body}>{children}</div>
    </section>
  );
}
