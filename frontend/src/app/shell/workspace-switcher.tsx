import { Menu } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { commonText } from "@/components/common-text";
import { Icon } from "@/components/icon";
import { CreateWorkspaceDialog } from "@/features/workspaces/create-workspace-dialog";
import { useText } from "@/i18n";
import { useWorkspaces } from "@/lib/workspaces";
import { appText } from "../text";
import classes from "./rail.module.css";

export function WorkspaceSwitcher({ workspaceId }: { workspaceId: string | null }) {
  const t = useText(appText);
  const common = useText(commonText);
  const navigate = useNavigate();
  const workspaces = useWorkspaces();
  const [creating, setCreating] = useState(false);
  const current = workspaces.find((workspace) => workspace.id === workspaceId);
  return (
    <>
      <Menu position="right-start" width={264} offset={10}>
        <Menu.Target>
          <button
            type="button"
            className={classes.workspace}
            title={current?.name}
            aria-label={current ? t("workspace.current", { name: current.name }) : t("workspace.switch")}
          >
            {[...(current?.name ?? "S")][0]?.toUpperCase()}
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Label>{t("workspace.switch")}</Menu.Label>
          {workspaces.map((workspace) => (
            <Menu.Item
              key={workspace.id}
              rightSection={workspace.id === workspaceId ? <Icon name="check" /> : undefined}
              onClick={() => void navigate({ to: "/w/$ws/flows", params: { ws: workspace.id } })}
            >
              <span className={classes.switchName}>{workspace.name}</span>
              <span className={classes.switchSub}>
                {workspace.kind === "personal"
                  ? t("workspace.personal")
                  : t("workspace.members", { count: workspace.member_count })}
                {" · "}
                {common(`role.${workspace.role}`)}
              </span>
            </Menu.Item>
          ))}
          <Menu.Divider />
          <Menu.Item leftSection={<Icon name="plus" />} onClick={() => setCreating(true)}>
            {t("workspace.new")}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      <CreateWorkspaceDialog opened={creating} onClose={() => setCreating(false)} />
    </>
  );
}
