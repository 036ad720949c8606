import { expect, test } from "vitest";
import type { Plugin } from "@/lib/api";
import { bringerOf } from "./use-absent-type";

const version = (types: string[]) => ({ manifest: { nodes: types.map((id) => ({ spec: { id } })) } });
const plugin = (id: string, ...versions: string[][]) =>
  ({
    plugin_id: id,
    current: version(versions[0] ?? []),
    versions: versions.map(version),
  }) as unknown as Plugin;

test("a type that only an older version brings still belongs to its plug-in", () => {
  const plugins = [plugin("other", ["other_node"]), plugin("acme", ["acme_new"], ["acme_new", "acme_old"])];
  expect(bringerOf("acme_old", plugins)?.plugin_id).toBe("acme");
  expect(bringerOf("nobodys", plugins)).toBeUndefined();
});
