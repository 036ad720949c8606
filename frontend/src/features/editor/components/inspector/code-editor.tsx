/** CodeMirror in our colours: for one person's value, and for a text several people type in. */
import { completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { json } from "@codemirror/lang-json";
import { bracketMatching } from "@codemirror/language";
import { EditorState, type Extension } from "@codemirror/state";
import { EditorView, keymap, placeholder as placeholderOf } from "@codemirror/view";
import { useEffect, useRef } from "react";
import { YSyncConfig, yCollab, yUndoManagerKeymap } from "y-codemirror.next";
import * as Y from "yjs";
import { useEditor } from "../../stores/context";
import { textAwareness } from "../../stores/text-awareness";
import classes from "./code-editor.module.css";
import { highlighting, templateTokens } from "./code-look";
import { type CodeLanguage, codeMode, loadGrammar, markFailure } from "./code-mode";
import { expressionCompletion } from "./expression-completion";
import { useCodeFailure, useInputNames } from "./use-code";
import { type Completion, type ExpressionScope, useScope } from "./use-scope";
import { wholeCharacters } from "./whole-characters";

type Language = "json" | "expression" | "template";

type Props = {
  language: Language;
  label: string;
  value: string;
  readOnly: boolean;
  onChange: (text: string) => void;
  onDone: () => void;
  completions?: ExpressionScope;
  /** No border of its own; it stands inside another control. */
  bare?: boolean;
};

const PAUSE_MS = 250;

/** A value of one's own: written after a pause; a change from outside shows when not focused. */
export function CodeEditor(props: Props) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const { language, label, readOnly, value } = props;

  useEffect(() => {
    if (!host.current) return;
    let timer: ReturnType<typeof setTimeout> | null = null;
    const write = (): void => {
      if (timer) clearTimeout(timer);
      timer = null;
      const text = editor.state.doc.toString();
      if (text !== latest.current.value) latest.current.onChange(text);
    };
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          baseExtensions(label, readOnly),
          history(),
          keymap.of([...completionKeymap, ...historyKeymap, ...defaultKeymap]),
          language === "json" ? json() : language === "expression" ? javascript() : templateTokens,
          expressionCompletion(() => latest.current.completions ?? null, language === "template"),
          EditorView.updateListener.of((update) => {
            if (!update.docChanged) return;
            if (timer) clearTimeout(timer);
            timer = setTimeout(write, PAUSE_MS);
          }),
          EditorView.domEventHandlers({
            blur: () => {
              write();
              latest.current.onDone();
            },
          }),
        ],
      }),
    });
    view.current = editor;
    return () => {
      if (timer) write();
      editor.destroy();
      view.current = null;
    };
  }, [language, label, readOnly]);

  useEffect(() => {
    const editor = view.current;
    if (!editor || editor.hasFocus || editor.state.doc.toString() === value) return;
    editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);

  return (
    <div ref={host} className={classes.editor} data-bare={props.bare || undefined} data-language={language} />
  );
}

type SharedProps = {
  nodeId: string;
  field: string;
  text: Y.Text;
  label: string;
  readOnly: boolean;
  placeholder: string;
  code: boolean;
  /** Of a person's code; a text without one is a template. */
  language?: CodeLanguage;
};

/** Bound to the Y.Text itself: every key is a CRDT change, others' carets show with their names. */
export function SharedCodeEditor(props: SharedProps) {
  const { nodeId, field, text, label, readOnly, placeholder, code, language } = props;
  const host = useRef<HTMLDivElement>(null);
  const { provider, undo } = useEditor();
  const scope = useScope(nodeId, false);
  const complete = useRef(scope);
  complete.current = scope;
  const names = useRef<() => Completion[]>(() => []);
  names.current = useInputNames(nodeId);
  const view = useRef<EditorView | null>(null);
  const failure = useCodeFailure(nodeId);

  useEffect(() => {
    if (!host.current) return;
    // The field undoes letter groups while it has the keys; the flow's own undo has them afterwards.
    undo.track(YSyncConfig);
    undo.cut();
    const undoManager = new Y.UndoManager(text, { captureTimeout: 400 });
    const awareness = textAwareness(provider.awareness, nodeId, field);
    const editor = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: text.toString(),
        extensions: [
          baseExtensions(label, readOnly, language === undefined),
          keymap.of([...completionKeymap, ...yUndoManagerKeymap, indentWithTab, ...defaultKeymap]),
          placeholderOf(placeholder),
          ...(language
            ? [codeMode(language, () => names.current())]
            : [
                templateTokens,
                code ? bracketMatching() : [],
                expressionCompletion(() => complete.current, true),
              ]),
          wholeCharacters,
          yCollab(text, awareness, { undoManager }),
        ],
      }),
    });
    view.current = editor;
    if (language) void loadGrammar(editor, language, () => names.current());
    return () => {
      view.current = null;
      editor.destroy();
      awareness.destroy();
      undoManager.destroy();
      undo.cut();
    };
  }, [text, provider, undo, nodeId, field, label, readOnly, placeholder, code, language]);

  // biome-ignore lint/correctness/useExhaustiveDependencies: the failure is new with each run, not each render.
  useEffect(() => {
    if (view.current && language) markFailure(view.current, failure);
  }, [failure?.line, failure?.column, failure?.message, failure?.sourceLine, language]);

  return (
    <div
      ref={host}
      className={classes.editor}
      data-tall=""
      data-code={language}
      data-testid={`text-${field}`}
    />
  );
}

function baseExtensions(label: string, readOnly: boolean, wraps = true): Extension {
  return [
    highlighting,
    EditorState.readOnly.of(readOnly),
    EditorView.editable.of(!readOnly),
    EditorView.contentAttributes.of({ "aria-label": label, spellcheck: "false" }),
    wraps ? EditorView.lineWrapping : [],
  ];
}
