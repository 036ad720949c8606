import type { ReactNode } from "react";
import { Icon } from "@/components/icon";
import classes from "./inspector.module.css";

/** What is wrong with a field, under it. */
export function Message({ severity, children }: { severity: "error" | "warning"; children: ReactNode }) {
  return (
    <div className={classes.message} data-severity={severity} role="status">
      <Icon name="warning" size={12} />
      {children}
    </div>
  );
}
