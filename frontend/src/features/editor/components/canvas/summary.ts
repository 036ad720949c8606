/** The card's second line: what the node is set to, from the template in its spec. */
import type { FlowNode, Json, NodeSpec } from "@/flow-core";

export function summaryOf(
  node: FlowNode,
  spec: NodeSpec | undefined,
  local: (text: { en: string; zh: string } | undefined) => string,
): string {
  if (!spec) return node.type;
  const template = local(spec.summary);
  const missing: string[] = [];
  const text = template.replace(/\{([A-Za-z_]\w*)\}/g, (_, name: string) => {
    const shown = shownValue(node, spec, name, local);
    if (shown === "") missing.push(name);
    return shown;
  });
  const clean = text.replace(/\s+/g, " ").trim();
  return clean === "" || (missing.length > 0 && missing.length === (template.match(/\{/g) ?? []).length)
    ? local(spec.name)
    : clean;
}

function shownValue(
  node: FlowNode,
  spec: NodeSpec,
  name: string,
  local: (text: { en: string; zh: string } | undefined) => string,
): string {
  const field = spec.config.find((item) => item.name === name);
  const value = node.config[name] ?? field?.default;
  const option = field?.options?.find((item) => item.value === value);
  return option ? local(option.label) : short(value);
}

function short(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value.replace(/^\{\{\s*([\s\S]*?)\s*\}\}$/, "= $1");
  if (Array.isArray(value)) return value.map(named).join(", ");
  if (typeof value === "object") return Object.keys(value).join(", ");
  return String(value);
}

function named(item: Json): string {
  if (typeof item === "object" && item !== null && !Array.isArray(item) && typeof item.name === "string") {
    return item.name;
  }
  return typeof item === "object" ? "…" : String(item);
}
