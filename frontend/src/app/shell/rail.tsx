import { Indicator, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { Icon } from "@/components/icon";
import { NotificationBell } from "@/features/notifications/notification-bell";
import { approvalsQuery } from "@/features/runs/approvals";
import { useText } from "@/i18n";
import type { Me } from "@/lib/api";
import { appText } from "../text";
import { openPalette } from "./command-palette";
import { PersonMenu } from "./person-menu";
import { placesOf } from "./places";
import classes from "./rail.module.css";
import { WorkspaceSwitcher } from "./workspace-switcher";

type Props = { me: Me; workspaceId: string | null; onHelp: () => void };

export function Rail({ me, workspaceId, onHelp }: Props) {
  const t = useText(appText);
  const approvals = useQuery({ ...approvalsQuery(workspaceId ?? ""), enabled: workspaceId !== null });
  const open = approvals.data?.length ?? 0;
  return (
    <nav className={classes.rail} aria-label={t("nav.label")}>
      <WorkspaceSwitcher workspaceId={workspaceId} />
      {placesOf(workspaceId).map(({ key, icon, link }) => {
        const count = key === "approvals" ? open : 0;
        const label = count > 0 ? t("nav.approvals.open", { count }) : t(`nav.${key}`);
        return (
          <Tooltip key={key} label={label} position="right">
            <Link {...link} className={classes.item} activeProps={{ "data-active": true }} aria-label={label}>
              <Indicator disabled={count === 0} label={count} size={14} offset={2}>
                <Icon name={icon} size={18} />
              </Indicator>
            </Link>
          </Tooltip>
        );
      })}
      <span className={classes.space} />
      <Tooltip label={`${t("palette.open")} (Ctrl K)`} position="right">
        <button type="button" className={classes.item} aria-label={t("palette.open")} onClick={openPalette}>
          <Icon name="search" size={18} />
        </button>
      </Tooltip>
      <NotificationBell className={classes.item ?? ""} />
      <Tooltip label={t("help.open")} position="right">
        <button type="button" className={classes.item} aria-label={t("help.open")} onClick={onHelp}>
          <Icon name="help" size={18} />
        </button>
      </Tooltip>
      <PersonMenu me={me} />
    </nav>
  );
}
