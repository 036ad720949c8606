/** What keeps the code of plug-ins apart on the machine that serves this page. */
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { useLocal } from "@/lib/local-text";
import type { Isolation } from "@/lib/plugins";
import classes from "../plugins.module.css";
import { pluginsText } from "../text";

export function Walls({ isolation }: { isolation: Isolation }) {
  const t = useText(pluginsText);
  const local = useLocal();
  const isStrong = isolation.level === "bubblewrap";
  const said = isStrong
    ? [t("walls.bubblewrap")]
    : [
        t("walls.weaker", { reason: local(isolation.reason) }),
        t(isolation.takes_code ? "walls.weak" : "walls.refused"),
      ];
  return (
    <p className={classes.walls} data-strong={isStrong || undefined} role="note">
      <Icon name={isStrong ? "shield" : "warning"} size={14} /> {said.join(" ")}
    </p>
  );
}
