import { EditorState } from "@codemirror/state";
import { expect, test } from "vitest";
import { ySyncAnnotation } from "y-codemirror.next";
import { wholeCharacters } from "./whole-characters";

type Change = { from: number; to?: number; insert?: string };

function changesMade(doc: string, changes: Change | Change[]) {
  const state = EditorState.create({ doc, extensions: [wholeCharacters] });
  const transaction = state.update({ changes });
  const made: [number, number, string][] = [];
  transaction.changes.iterChanges((from, to, _fromB, _toB, text) => {
    made.push([from, to, text.sliceString(0)]);
  });
  return { text: transaction.newDoc.sliceString(0), made };
}

test("a change of the second half of a character replaces the whole character", () => {
  const { text, made } = changesMade("a😀b", { from: 2, to: 3, insert: "😁"[1] as string });
  expect(text).toBe("a😁b");
  expect(made).toEqual([[1, 3, "😁"]]);
});

test("a change of the first half of a character replaces the whole character", () => {
  const { text, made } = changesMade("a😀b", { from: 1, to: 2, insert: "\uD83C" });
  expect(text).toBe("a\uD83C\uDE00b");
  expect(made).toEqual([[1, 3, "\uD83C\uDE00"]]);
});

test("half a character that stays behind is taken away", () => {
  expect(changesMade("a😀b", { from: 2, to: 3 }).text).toBe("ab");
  expect(changesMade("ab", { from: 1, insert: "\uDE00" }).text).toBe("ab");
});

test("changes between whole characters pass as they are", () => {
  const { text, made } = changesMade("😀😀", [
    { from: 0, insert: "x" },
    { from: 2, to: 4, insert: "y" },
  ]);
  expect(text).toBe("x😀y");
  expect(made).toHaveLength(2);
});

test("what others typed is never altered", () => {
  const state = EditorState.create({ doc: "a😀b", extensions: [wholeCharacters] });
  const remote = state.update({
    changes: { from: 2, to: 3, insert: "x" },
    annotations: ySyncAnnotation.of({} as never),
  });
  expect(remote.newDoc.sliceString(2, 3)).toBe("x");
});
