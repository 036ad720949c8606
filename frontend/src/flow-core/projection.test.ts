import { readdirSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { project } from "./projection";

const folder = resolve(process.cwd(), "../tests/golden/projection");
const vectors = readdirSync(folder).filter((name) => name.endsWith(".json"));

type Vector = {
  why: string;
  input: unknown;
  specs: Record<string, Record<string, boolean>>;
  expected: { document: unknown; problems: unknown[] };
};

describe("the shared vectors project as on the server", () => {
  test.each(vectors)("%s", (name) => {
    const vector = JSON.parse(readFileSync(resolve(folder, name), "utf8")) as Vector;
    const result = project(vector.input, (type, port) => vector.specs[type]?.[port] ?? true);
    expect(result.document).toEqual(vector.expected.document);
    expect(result.problems).toEqual(vector.expected.problems);
  });
});

test("any JSON projects without throwing and twice alike", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const once = project(value, () => false);
      expect(project(value, () => false)).toEqual(once);
    }),
  );
});

test("projecting a projection changes nothing", () => {
  const text = readFileSync(resolve(folder, "small_flow.json"), "utf8");
  const vector = JSON.parse(text) as Vector;
  const { document } = project(vector.input, () => true);
  const byId = (items: { id: string }[]) => Object.fromEntries(items.map((item) => [item.id, item]));
  const again = project(
    { meta: document, nodes: byId(document.nodes), edges: byId(document.edges), notes: byId(document.notes) },
    () => true,
  );
  expect(again.document).toEqual(document);
});
