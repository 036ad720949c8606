import type { ReactNode } from "react";
import classes from "./chip.module.css";

type Props = {
  tone?: "neutral" | "ok" | "info" | "warn" | "bad" | "accent";
  children: ReactNode;
  title?: string;
};

export function Chip({ tone = "neutral", children, title }: Props) {
  return (
    <span className={classes.chip} data-tone={tone} title={title}>
      {children}
    </span>
  );
}
