/** What a plug-in asks for that stands in its nodes' settings and not among its permissions. */
import type { NodeField, PluginManifest } from "@/lib/api";

/** Kinds of credentials people may choose in its nodes, to be put on its requests; null for any. Those whose
 *  values it may read besides are told as such. */
export function signedKinds(manifest: PluginManifest): string[] | null {
  const fields = fieldsOf(manifest).filter(({ control }) => control === "credential");
  const kinds = fields.flatMap((field) => field.credential_kinds ?? []);
  if (manifest.permissions.secrets.includes("*")) return [];
  if (fields.some((field) => (field.credential_kinds ?? []).length === 0)) return null;
  return [...new Set(kinds)].filter((kind) => !manifest.permissions.secrets.includes(kind)).sort();
}

/** Where requests go as long as nobody writes another address into a node. */
export function usualHosts(manifest: PluginManifest): string[] {
  const written = fieldsOf(manifest).filter(({ name }) => name === "base_url");
  return [...new Set(written.flatMap((field) => hostOf(field.default)))].sort();
}

function fieldsOf(manifest: PluginManifest): NodeField[] {
  return manifest.nodes.flatMap(({ spec }) => spec.config ?? []);
}

function hostOf(address: unknown): string[] {
  if (typeof address !== "string" || !URL.canParse(address)) return [];
  return [new URL(address).host];
}
