import { expect, test, vi } from "vitest";
import { allPages } from "./pages";

function answer(...pages: object[]) {
  const asked: string[] = [];
  vi.stubGlobal("fetch", async (url: string) => {
    asked.push(url);
    return new Response(JSON.stringify(pages[asked.length - 1]), { status: 200 });
  });
  return asked;
}

test("follows the cursor to the last page", async () => {
  const asked = answer({ items: [1, 2], next_cursor: "c2" }, { items: [3], next_cursor: null });
  expect(await allPages("/list", new AbortController().signal)).toEqual([1, 2, 3]);
  expect(asked[1]).toContain("cursor=c2");
});

test("a list without a cursor is one page", async () => {
  const asked = answer({ items: [1] });
  expect(await allPages("/list", new AbortController().signal)).toEqual([1]);
  expect(asked).toHaveLength(1);
});
