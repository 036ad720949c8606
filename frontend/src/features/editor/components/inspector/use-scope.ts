/** What an expression of a node may read: outputs upstream, its own inputs, variables, the item. */
import { useQuery } from "@tanstack/react-query";
import {
  containersOf,
  directionOf,
  type Json,
  type LiveSnapshot,
  lifted,
  type NodeTypes,
  parentIn,
  sourcePort,
} from "@/flow-core";
import { type Language, useLanguage, useText } from "@/i18n";
import { type ExpressionFunction, functionsQuery } from "@/lib/expressions";
import { variablesQuery } from "../../api/queries";
import { useCatalogue, useEditor } from "../../stores/context";
import { editorText } from "../../text";
import { useRunValues } from "./use-run-values";

type Mark = { word: string; info: string };
/** `mark`: what to know of a name before it is chosen, in place of its type. */
export type Completion = { label: string; detail: string; mark?: Mark };

/** What completion needs: names to read, functions, and the value at a path in the shown run. */
export type ExpressionScope = {
  names: () => Completion[];
  functions: () => readonly ExpressionFunction[];
  language: () => Language;
  valueAt: (path: readonly string[]) => Promise<Json | undefined>;
};

/** Read when the list opens, so that typing does not depend on the document. */
export function useScope(nodeId: string, perItem: boolean, inBody = false): ExpressionScope {
  const names = useNames(nodeId, perItem, inBody);
  const { workspaceId } = useEditor();
  const functions = useQuery(functionsQuery(workspaceId)).data ?? [];
  const language = useLanguage();
  const valueAt = useRunValues(nodeId, perItem);
  return { names, functions: () => functions, language: () => language, valueAt };
}

function useNames(nodeId: string, perItem: boolean, inBody: boolean): () => Completion[] {
  const { live, workspaceId } = useEditor();
  const types = useCatalogue();
  const t = useText(editorText);
  const mark = { word: t("scope.secret"), info: t("scope.secret_info") };
  const variables = useQuery(variablesQuery(workspaceId)).data ?? [];
  return () => {
    const found = scopeOf(nodeId, perItem, live.snapshot, types, inBody);
    const own = new Set(found.map(({ label }) => label));
    const shared = new Map(variables.map(({ name, is_secret }) => [`vars.${name}`, is_secret]));
    for (const [label, isSecret] of shared)
      if (!own.has(label))
        found.push(isSecret ? { label, detail: "string", mark } : { label, detail: "any" });
    return found;
  };
}

export function scopeOf(
  nodeId: string,
  perItem: boolean,
  flow: LiveSnapshot,
  types: NodeTypes,
  inBody = false,
): Completion[] {
  const around = containersOf(nodeId, parentIn(flow.nodesById));
  const found = itemsOf(inBody ? [nodeId, ...around] : around, perItem, flow, types);
  for (const edge of flow.document.edges) {
    if (edge.target !== nodeId || directionOf(edge, flow.nodesById) === "result") continue;
    const type = sourcePort(edge, flow.nodesById, types)?.type;
    found.push({ label: `inputs.${edge.target_port}`, detail: type ?? "any" });
  }
  const children = inBody ? flow.document.nodes.filter((node) => node.parent === nodeId) : [];
  const before = [nodeId, ...around].flatMap((id) => upstream(id, flow));
  for (const id of new Set([...children.map((node) => node.id), ...before])) {
    const spec = types.get(flow.nodesById.get(id)?.type ?? "");
    for (const port of spec?.outputs ?? []) found.push({ label: `${id}.${port.name}`, detail: port.type });
  }
  for (const name of Object.keys(flow.document.variables))
    found.push({ label: `vars.${name}`, detail: "any" });
  for (const input of flow.document.inputs)
    found.push({ label: `flow.inputs.${input.name}`, detail: input.type });
  found.push(
    { label: "flow.name", detail: "string" },
    { label: "run.id", detail: "string" },
    { label: "run.started_at", detail: "string" },
  );
  return found;
}

/** What the containers around an expression give it, the nearest first, under their own names. */
function itemsOf(
  containers: readonly string[],
  perItem: boolean,
  flow: LiveSnapshot,
  types: NodeTypes,
): Completion[] {
  const found = new Map<string, string>(
    perItem
      ? [
          ["item", "any"],
          ["index", "integer"],
        ]
      : [],
  );
  for (const id of containers) {
    for (const port of types.get(flow.nodesById.get(id)?.type ?? "")?.body?.gives ?? []) {
      if ((port.name === "item" || port.name === "index") && !found.has(port.name)) {
        found.set(port.name, port.type);
      }
      found.set(`${id}.${port.name}`, port.type);
    }
  }
  return [...found].map(([label, detail]) => ({ label, detail }));
}

/** Nodes of the same level that run before one. */
function upstream(nodeId: string, flow: LiveSnapshot): string[] {
  const parentOf = parentIn(flow.nodesById);
  const arcs = flow.document.edges.flatMap(({ source, target }) => {
    const arc = lifted(source, target, parentOf);
    return arc ? [{ source: arc[0], target: arc[1] }] : [];
  });
  const seen = new Set<string>();
  const stack = [nodeId];
  for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
    for (const edge of arcs) {
      if (edge.target !== at || seen.has(edge.source)) continue;
      seen.add(edge.source);
      stack.push(edge.source);
    }
  }
  return [...seen];
}
