import fc from "fast-check";
import { expect, test } from "vitest";
import { wordDiff } from "./word-diff";

const side = (found: ReturnType<typeof wordDiff>, kind: "added" | "removed"): string =>
  found
    .filter((piece) => piece.kind === "same" || piece.kind === kind)
    .map((piece) => piece.text)
    .join("");

test("a changed word is shown between the words that stay", () => {
  expect(wordDiff("give your best guess", "give your honest guess")).toEqual([
    { kind: "same", text: "give your " },
    { kind: "removed", text: "best" },
    { kind: "added", text: "honest" },
    { kind: "same", text: " guess" },
  ]);
});

test("Chinese text is compared character by character", () => {
  expect(wordDiff("只用段落回答", "只用原文回答")).toEqual([
    { kind: "same", text: "只用" },
    { kind: "removed", text: "段落" },
    { kind: "added", text: "原文" },
    { kind: "same", text: "回答" },
  ]);
});

test("both texts can be read back from the difference of any two texts", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n", "你", "。"), maxLength: 60 });
  fc.assert(
    fc.property(text, text, (before, after) => {
      const found = wordDiff(before, after);
      expect(side(found, "removed")).toBe(before);
      expect(side(found, "added")).toBe(after);
    }),
  );
});
