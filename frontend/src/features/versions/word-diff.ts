/** Word-by-word difference of two texts (longest common subsequence), for showing, not for patching. */

export type Piece = { kind: "same" | "added" | "removed"; text: string };

/** Beyond this many pieces on either side the table would cost too much: then the whole text is replaced. */
const limit = 1500;

/** Words with their spaces for Latin text, single characters for Chinese and Japanese. */
export function pieces(text: string): string[] {
  return (
    text.match(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|\s+|[^\s\p{Script=Han}]+/gu) ?? []
  );
}

export function wordDiff(before: string, after: string): Piece[] {
  const a = pieces(before);
  const b = pieces(after);
  if (a.length > limit || b.length > limit) {
    return [
      { kind: "removed", text: before },
      { kind: "added", text: after },
    ];
  }
  return joined(walk(a, b, lengths(a, b)));
}

/** `table[i * (m + 1) + j]` is the common length of `a` from i and `b` from j. */
function lengths(a: string[], b: string[]): Uint16Array {
  const width = b.length + 1;
  const table = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      const same = a[i] === b[j];
      const down = table[(i + 1) * width + j] ?? 0;
      const right = table[i * width + j + 1] ?? 0;
      table[i * width + j] = same ? (table[(i + 1) * width + j + 1] ?? 0) + 1 : Math.max(down, right);
    }
  }
  return table;
}

function walk(a: string[], b: string[], table: Uint16Array): Piece[] {
  const width = b.length + 1;
  const found: Piece[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i];
    const right = b[j];
    if (left !== undefined && left === right) {
      found.push({ kind: "same", text: left });
      i += 1;
      j += 1;
    } else if (
      right === undefined ||
      (left !== undefined && (table[(i + 1) * width + j] ?? 0) >= (table[i * width + j + 1] ?? 0))
    ) {
      found.push({ kind: "removed", text: left ?? "" });
      i += 1;
    } else {
      found.push({ kind: "added", text: right });
      j += 1;
    }
  }
  return found;
}

function joined(found: Piece[]): Piece[] {
  const result: Piece[] = [];
  for (const piece of found) {
    const last = result.at(-1);
    if (last?.kind === piece.kind) last.text += piece.text;
    else result.push({ ...piece });
  }
  return result;
}
