/** The frame of every page beside the rail: a 48-pixel bar and the content under it. */
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";
import { Icon } from "./icon";
import classes from "./page.module.css";

type Props = {
  title: string;
  /** Where the page hangs: shown before the title and linked. */
  parent?: { label: string; to: string } | undefined;
  /** Beside the title: chips and counts. */
  aside?: ReactNode;
  actions?: ReactNode;
  toolbar?: ReactNode;
  children: ReactNode;
  /** `flush` content touches the frame (tables, split panes); otherwise it has page padding. */
  flush?: boolean;
};

export function usePageTitle(title: string): void {
  useEffect(() => {
    document.title = title === "" ? "SAGE Studio" : `${title} · SAGE Studio`;
  }, [title]);
}

export function Page({ title, parent, aside, actions, toolbar, children, flush = false }: Props) {
  usePageTitle(title);
  return (
    <div className={classes.page}>
      <header className={classes.bar}>
        {parent && (
          <>
            <Link to={parent.to} className={classes.parent}>
              <Icon name="chevron-left" />
              <span className="cut">{parent.label}</span>
            </Link>
            <span className={classes.slash}>/</span>
          </>
        )}
        <h1 className="cut" title={title}>
          {title}
        </h1>
        {aside}
        <span className={classes.space} />
        {actions}
      </header>
      {toolbar && <div className={classes.toolbar}>{toolbar}</div>}
      <main className={flush ? classes.flush : classes.content} id="main">
        {children}
      </main>
    </div>
  );
}
