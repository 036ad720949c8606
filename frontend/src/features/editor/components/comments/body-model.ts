/**
 * The text of a comment: plain, with `<@id>` for a person and web addresses as links.
 *
 * People see and type `@Name`; what is kept names the person by id, so that a new name shows
 * everywhere and a name that two people share is no guess. An id that belongs to nobody here shows as `@…`.
 */
export type Named = { id: string; name: string };
export type Part =
  | { kind: "text"; text: string }
  | { kind: "mention"; id: string; name: string }
  | { kind: "link"; href: string };

const TOKEN = /<@([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})>|https?:\/\/[^\s<>"'`]+/g;
/** Punctuation that ends a sentence, not an address. */
const TRAILING = /[.,;:!?)\]}。，；：！？）】]+$/;

export function partsOf(body: string, people: readonly Named[]): Part[] {
  const names = new Map(people.map((person) => [person.id, person.name]));
  const parts: Part[] = [];
  const text = (value: string): void => {
    const last = parts[parts.length - 1];
    if (value === "") return;
    if (last?.kind === "text") last.text += value;
    else parts.push({ kind: "text", text: value });
  };
  let at = 0;
  for (const match of body.matchAll(TOKEN)) {
    text(body.slice(at, match.index));
    at = match.index + match[0].length;
    const [whole, id] = match;
    const name = id === undefined ? undefined : names.get(id);
    if (id !== undefined && name !== undefined) parts.push({ kind: "mention", id, name });
    else if (id !== undefined) text("@…");
    else {
      const href = whole.replace(TRAILING, "");
      if (isWebAddress(href)) parts.push({ kind: "link", href });
      else text(href);
      text(whole.slice(href.length));
    }
  }
  text(body.slice(at));
  return parts;
}

function isWebAddress(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** What a person edits: names in place of ids. */
export function readable(body: string, people: readonly Named[]): string {
  return partsOf(body, people)
    .map((part) => (part.kind === "text" ? part.text : part.kind === "link" ? part.href : `@${part.name}`))
    .join("");
}

/** What is sent: `@Name` of somebody known becomes their id; the longest name wins. */
export function withIds(text: string, people: readonly Named[]): string {
  const longest = [...people].sort((a, b) => b.name.length - a.name.length);
  let result = "";
  for (let at = 0; at < text.length; ) {
    const rest = text.slice(at);
    const isStart = text[at] === "@" && !/[\p{L}\p{N}_]/u.test(text[at - 1] ?? "");
    const person = isStart && longest.find(({ name }) => names(rest, name));
    if (person) {
      result += `<@${person.id}>`;
      at += person.name.length + 1;
    } else {
      result += text[at];
      at += 1;
    }
  }
  return result;
}

/** Whether the text after an `@` is this name and not the beginning of a longer word. */
function names(rest: string, name: string): boolean {
  if (name === "" || !rest.slice(1).startsWith(name)) return false;
  const next = rest[name.length + 1] ?? "";
  return !(/[A-Za-z0-9_]/.test(next) && /[A-Za-z0-9_]$/.test(name));
}

/** The word being typed after an `@` left of the caret, if there is one. */
export function mentionAt(text: string, caret: number): { from: number; query: string } | null {
  const found = /(?:^|[^\p{L}\p{N}_])@([^\s@]{0,40})$/u.exec(text.slice(0, caret));
  const query = found?.[1];
  return query === undefined ? null : { from: caret - query.length - 1, query };
}
