/**
 * Keeps edits of a shared text from cutting a character in half.
 *
 * Browsers report the smallest change in UTF-16 units: 😀 typed over with 😁 changes only the second
 * half of the pair. A shared text split there can no longer be read by everyone, and the server
 * refuses it, so such a change is widened to whole characters before it is made.
 */
import { EditorState, type Text, type Transaction } from "@codemirror/state";
import { ySyncAnnotation } from "y-codemirror.next";

const LONE_HALF = /[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g;

export const wholeCharacters = EditorState.transactionFilter.of((transaction) => {
  const isRemote = transaction.annotation(ySyncAnnotation) !== undefined;
  return !transaction.docChanged || isRemote ? transaction : widened(transaction);
});

function widened(transaction: Transaction) {
  const before = transaction.startState.doc;
  let [from, to, newFrom, newTo] = [before.length, 0, transaction.newDoc.length, 0];
  let isCut = false;
  transaction.changes.iterChanges((fromA, toA, fromB, toB, inserted) => {
    [from, to] = [Math.min(from, fromA), Math.max(to, toA)];
    [newFrom, newTo] = [Math.min(newFrom, fromB), Math.max(newTo, toB)];
    isCut ||= isInside(before, fromA) || isInside(before, toA) || LONE_HALF.test(inserted.sliceString(0));
    LONE_HALF.lastIndex = 0;
  });
  if (!isCut) return transaction;
  const left = isInside(before, from) ? 1 : 0;
  const right = isInside(before, to) ? 1 : 0;
  const insert = transaction.newDoc.sliceString(newFrom - left, newTo + right).replace(LONE_HALF, "");
  return {
    changes: { from: from - left, to: to + right, insert },
    selection: { anchor: from - left + insert.length },
    effects: transaction.effects,
    scrollIntoView: transaction.scrollIntoView,
  };
}

/** Whether a position lies between the two halves of one character. */
function isInside(doc: Text, position: number): boolean {
  if (position <= 0 || position >= doc.length) return false;
  return /^[\uD800-\uDBFF][\uDC00-\uDFFF]$/.test(doc.sliceString(position - 1, position + 1));
}
