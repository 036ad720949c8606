/**
 * What makes a text field an editor of code: the language's colours and indentation, numbers of lines, brackets,
 * names to complete, and the place where the last run failed. Python's grammar is fetched when it is needed.
 */
import { autocompletion, type CompletionContext, closeBrackets } from "@codemirror/autocomplete";
import { javascript, javascriptLanguage } from "@codemirror/lang-javascript";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { type Diagnostic, lintGutter, setDiagnostics } from "@codemirror/lint";
import { Compartment, type Extension } from "@codemirror/state";
import { EditorView, highlightActiveLineGutter, lineNumbers } from "@codemirror/view";
import type { Completion } from "./use-scope";

export type CodeLanguage = "python" | "javascript" | "sql";

/** A place in the code, line and column from 1, and the text its line had when it failed. */
export type CodeFailure = { line: number; column: number; sourceLine: string; message: string };

const grammar = new Compartment();
const marked = new WeakSet<EditorView>();

export function codeMode(language: CodeLanguage, names: () => Completion[]): Extension {
  return [
    lineNumbers(),
    highlightActiveLineGutter(),
    lintGutter(),
    indentUnit.of(language === "python" ? "    " : "  "),
    indentOnInput(),
    bracketMatching(),
    closeBrackets(),
    autocompletion({ icons: false }),
    grammar.of(language === "javascript" ? [javascript(), completing(javascriptLanguage, names)] : []),
    EditorView.updateListener.of((update) => {
      // The mark belongs to the text that failed.
      if (update.docChanged && marked.has(update.view)) queueMicrotask(() => unmark(update.view));
    }),
  ];
}

/** Fetch what the language still needs and use it, unless the editor is gone by then. */
export async function loadGrammar(view: EditorView, language: CodeLanguage, names: () => Completion[]) {
  if (language !== "python") return;
  const { python, pythonLanguage } = await import("@codemirror/lang-python");
  if (!view.dom.isConnected) return;
  view.dispatch({ effects: grammar.reconfigure([python(), completing(pythonLanguage, names)]) });
}

/** Mark where the code failed, if the line still says what it said then. */
export function markFailure(view: EditorView, failure: CodeFailure | null): void {
  const found = failure ? diagnostics(view, failure) : [];
  if (found.length > 0) marked.add(view);
  else marked.delete(view);
  view.dispatch(setDiagnostics(view.state, found));
}

function unmark(view: EditorView): void {
  if (view.dom.isConnected) markFailure(view, null);
}

function diagnostics(view: EditorView, failure: CodeFailure): Diagnostic[] {
  if (failure.line < 1 || failure.line > view.state.doc.lines) return [];
  const line = view.state.doc.line(failure.line);
  if (line.text.trimEnd().slice(0, failure.sourceLine.length) !== failure.sourceLine) return [];
  const from = Math.min(line.from + Math.max(0, failure.column - 1), line.to);
  const word = /^[\w$]+|^./u.exec(line.text.slice(from - line.from))?.[0].length ?? 0;
  const to = Math.min(from + Math.max(word, 1), line.to);
  return [{ from: from === to ? line.from : from, to, severity: "error", message: failure.message }];
}

type Language = typeof javascriptLanguage;

/** The node's inputs besides what the language itself offers. */
function completing(language: Language, names: () => Completion[]): Extension {
  const source = (context: CompletionContext) => {
    const word = context.matchBefore(/[\w$]+/);
    if (!word && !context.explicit) return null;
    const from = word?.from ?? context.pos;
    if (context.state.sliceDoc(from - 1, from) === ".") return null;
    return {
      from,
      options: names().map(({ label, detail }) => ({ label, detail, type: "variable", boost: 50 })),
      validFor: /^[\w$]*$/,
    };
  };
  return language.data.of({ autocomplete: source });
}
