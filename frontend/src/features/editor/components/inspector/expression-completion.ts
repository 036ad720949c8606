/** Completion in expressions: names to read, the fields of values of the shown run, and functions. */
import { autocompletion, type CompletionContext, type Completion as Offer } from "@codemirror/autocomplete";
import type { Extension } from "@codemirror/state";
import { isObject, type Json } from "@/flow-core";
import type { Language } from "@/i18n";
import { type ExpressionFunction, isOfValue, shownResult, spelled } from "@/lib/expressions";
import type { Completion, ExpressionScope } from "./use-scope";

const MOST_FIELDS = 100;

/** In free text only inside `{{ }}`. */
export function expressionCompletion(scope: () => ExpressionScope | null, onlyInBraces: boolean): Extension {
  const inPlace = (context: CompletionContext): boolean => !onlyInBraces || insideBraces(context);
  const names = (context: CompletionContext) => {
    const word = context.matchBefore(/[\w$.]*/);
    const known = scope();
    if (!word || !known || (word.from === word.to && !context.explicit) || !inPlace(context)) return null;
    // What follows a call or an index belongs to that value.
    if (word.text.startsWith(".")) return null;
    return {
      from: word.from,
      options: [
        ...known.names().map(nameOffer),
        ...known
          .functions()
          .filter((doc) => !isOfValue(doc.kind))
          .map((doc) => offer(doc, known.language(), spelled(doc).replace(/\(.*$/, ""))),
      ],
      validFor: /^[\w$.]*$/,
    };
  };
  const members = async (context: CompletionContext) => {
    const word = context.matchBefore(/\.[\w$]*/);
    const known = scope();
    if (!word || !known || !inPlace(context)) return null;
    const before = context.state.sliceDoc(Math.max(0, word.from - 300), word.from);
    const path = pathAtEnd(before);
    const value = path ? await known.valueAt(path) : undefined;
    const kind = value === undefined ? kindByType(before, known.names()) : kindOf(value);
    const methods = known.functions().filter((doc) => isOfValue(doc.kind) && fits(doc.kind, kind));
    return {
      from: word.from + 1,
      options: [...fieldsOf(value), ...unique(methods).map((doc) => offer(doc, known.language(), doc.name))],
      validFor: /^[\w$]*$/,
    };
  };
  return autocompletion({ override: [names, members], icons: false, activateOnTyping: true });
}

/** A name to read; one with a mark is told apart before it is chosen. */
export function nameOffer({ label, detail, mark }: Completion): Offer {
  return mark
    ? { label, detail: mark.word, info: mark.info, type: "secret", boost: 10 }
    : { label, detail, type: "variable", boost: 10 };
}

function offer(doc: ExpressionFunction, language: Language, label: string): Offer {
  const called = doc.signature.includes("(");
  const takes = !doc.signature.includes("()");
  return {
    label,
    detail: doc.signature.replace(/^[^(]*/, ""),
    type: "function",
    apply: (view, _, from, to) => {
      const text = called ? `${label}()` : label;
      const at = from + text.length - (called && takes ? 1 : 0);
      view.dispatch({ changes: { from, to, insert: text }, selection: { anchor: at } });
    },
    info: () => {
      const box = document.createElement("div");
      const words = document.createElement("div");
      words.textContent = doc[language];
      const example = document.createElement("code");
      example.textContent = `${doc.example} → ${shownResult(doc.result)}`;
      box.append(words, example);
      return box;
    },
  };
}

/** One function for each name: those of dates are functions of text as well. */
function unique(docs: ExpressionFunction[]): ExpressionFunction[] {
  return [...new Map(docs.map((doc) => [doc.name, doc])).values()];
}

function fieldsOf(value: Json | undefined): Offer[] {
  if (!isObject(value)) return [];
  return Object.entries(value)
    .filter(([name]) => /^[A-Za-z_$][\w$]*$/.test(name))
    .slice(0, MOST_FIELDS)
    .map(([label, held]) => ({ label, detail: kindOf(held) ?? "null", type: "property", boost: 20 }));
}

/** `a.b[0].c` at the end of a text, as the steps to take; null behind a call. */
export function pathAtEnd(text: string): string[] | null {
  const found = /(?:^|[^\w$.\])])([A-Za-z_$][\w$]*(?:\??\.[A-Za-z_$][\w$]*|(?:\?\.)?\[\d+\])*)$/.exec(
    text,
  )?.[1];
  return found ? found.split(/\??\.|\[|\]/).filter((step) => step !== "") : null;
}

/** A value at a path; undefined where there is none. */
export function valueAtPath(value: Json | undefined, path: readonly string[]): Json | undefined {
  let found: Json | undefined = value;
  for (const step of path) {
    if (Array.isArray(found)) found = found[Number(step)];
    else if (isObject(found)) found = found[step];
    else return undefined;
  }
  return found;
}

function kindOf(value: Json): string | null {
  if (typeof value === "string") return "text";
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "boolean";
  if (Array.isArray(value)) return "list";
  return value === null ? null : "object";
}

const KINDS: Record<string, string> = {
  string: "text",
  integer: "number",
  number: "number",
  object: "object",
};

function kindByType(before: string, names: Completion[]): string | null {
  if (/['"`]$/.test(before)) return "text";
  if (/\]$/.test(before) && /[=(,[\s]\[[^\]]*\]$|^\[[^\]]*\]$/.test(before)) return "list";
  const word = /[\w$.]+$/.exec(before)?.[0];
  const type = names.find(({ label }) => label === word)?.detail ?? "";
  return type.startsWith("array") ? "list" : (KINDS[type] ?? null);
}

function fits(kind: string, wanted: string | null): boolean {
  return wanted === null || kind === wanted || (kind === "date" && wanted === "text");
}

function insideBraces(context: CompletionContext): boolean {
  const before = context.state.sliceDoc(Math.max(0, context.pos - 500), context.pos);
  return before.lastIndexOf("{{") > before.lastIndexOf("}}");
}
