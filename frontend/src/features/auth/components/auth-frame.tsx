/** Two halves: the form, and a still picture of what the product is. */
import type { ReactNode } from "react";
import { Brand } from "@/components/brand";
import { LanguageSwitch } from "@/components/language-switch";
import { usePageTitle } from "@/components/page";
import { useText } from "@/i18n";
import { authText } from "../text";
import classes from "./auth-frame.module.css";
import { Scene } from "./scene";

type Props = { title: string; lead?: ReactNode; children?: ReactNode; footer?: ReactNode };

export function AuthFrame({ title, lead, children, footer }: Props) {
  const t = useText(authText);
  usePageTitle(title);
  return (
    <div className={classes.two}>
      <main className={classes.left}>
        <Brand />
        <div className={classes.form}>
          <h1>{title}</h1>
          {lead && <p className={classes.lead}>{lead}</p>}
          {children}
        </div>
        <footer className={classes.footer}>
          <span className={classes.grow}>{footer}</span>
          <LanguageSwitch />
        </footer>
      </main>
      <aside className={classes.right} aria-hidden="true">
        <Scene />
        <p className={classes.caption}>{t("caption")}</p>
      </aside>
    </div>
  );
}
