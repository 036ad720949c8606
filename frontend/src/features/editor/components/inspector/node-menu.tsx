/** What can be done with one node, for those who do not know the keys. */
import { Menu } from "@mantine/core";
import { Icon } from "@/components/icon";
import type { FlowNode } from "@/flow-core";
import { useText } from "@/i18n";
import { debugText } from "../../debug-text";
import { currentStop, useDebugTell, useDebugView } from "../../hooks/use-debug";
import { useNodeActions } from "../../hooks/use-node-actions";
import { useCanEdit } from "../../stores/context";
import { editorText } from "../../text";
import classes from "./inspector.module.css";

export function NodeMenu({ node }: { node: FlowNode }) {
  const t = useText(editorText);
  const actions = useNodeActions();
  return (
    <Menu position="bottom-end" width={210}>
      <Menu.Target>
        <button type="button" className={classes.iconButton} aria-label={t("node.more")}>
          <Icon name="more" />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item
          leftSection={<Icon name="pencil" />}
          rightSection={<Key>F2</Key>}
          onClick={() => actions.rename(node.id)}
        >
          {t("node.rename")}
        </Menu.Item>
        <Menu.Item
          leftSection={<Icon name="copy" />}
          rightSection={<Key>Ctrl D</Key>}
          onClick={actions.duplicate}
        >
          {t("node.duplicate")}
        </Menu.Item>
        <Menu.Item
          leftSection={<Icon name="stop" />}
          rightSection={<Key>D</Key>}
          onClick={actions.toggleDisabled}
        >
          {node.disabled ? t("node.enable") : t("node.disable")}
        </Menu.Item>
        <RunToHere node={node} />
        <Menu.Divider />
        <Menu.Item
          color="red"
          leftSection={<Icon name="trash" />}
          rightSection={<Key>Del</Key>}
          onClick={() => actions.remove(false)}
        >
          {t("node.delete")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** Only while somebody debugs: go on, and stop before this node. */
function RunToHere({ node }: { node: FlowNode }) {
  const t = useText(debugText);
  const canEdit = useCanEdit();
  const stop = currentStop(useDebugView());
  const { mutate } = useDebugTell();
  if (!stop || !canEdit) return null;
  return (
    <Menu.Item
      leftSection={<Icon name="play" />}
      onClick={() => mutate({ command: "run_to", stop: stop.id, node_id: node.id })}
    >
      {t("run_to_here")}
    </Menu.Item>
  );
}

function Key({ children }: { children: string }) {
  return <span className={classes.key}>{children}</span>;
}
