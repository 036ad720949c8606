/** Changes as a person reads them. */
import { type Change, joined } from "@/flow-core";
import { useText } from "@/i18n";
import { collabText } from "../collab-text";
import { useEditor } from "../stores/context";
import { useLocalText } from "./use-local-text";

export function useChangeLines(changes: readonly Change[]): string[] {
  const { live, nodeTypes: types } = useEditor();
  const t = useText(collabText);
  const local = useLocalText();
  const names = new Map<string, string>();
  for (const change of changes) {
    if (change.op === "add_node" || change.op === "remove_node") {
      names.set(change.node.id, change.node.name || local(types.get(change.node.type)?.name));
    }
  }
  const nameOf = (id: string): string => {
    const node = live.snapshot.nodesById.get(id);
    return node?.name || names.get(id) || local(types.get(node?.type ?? "")?.name) || id;
  };
  const fieldOf = (id: string, key: string): string => {
    const type = live.snapshot.nodesById.get(id)?.type ?? "";
    return local(types.get(type)?.config.find((field) => field.name === key)?.label) || key;
  };
  const line = (change: Change): string => {
    switch (change.op) {
      case "add_node":
      case "remove_node":
        return t(`change.${change.op}`, { name: nameOf(change.node.id) });
      case "add_edge":
      case "remove_edge":
        return t(`change.${change.op}`, {
          name: nameOf(change.edge.source),
          other: nameOf(change.edge.target),
        });
      case "place":
        return t("change.place", { name: nameOf(change.node) });
      case "text":
        return t("change.text", { name: nameOf(change.node), field: fieldOf(change.node, change.field) });
      case "set":
        if (change.path[0] === "name") {
          return t("change.rename", { name: String(change.was ?? ""), to: String(change.value ?? "") });
        }
        return t("change.set", {
          name: nameOf(change.node),
          field: fieldOf(change.node, change.path.at(-1) ?? ""),
        });
      case "flow":
        return change.path[0] === "notes"
          ? t("change.note")
          : t("change.flow", { field: change.path[0] ?? "" });
    }
  };
  return [...new Set(joined([], changes).map(line))];
}
