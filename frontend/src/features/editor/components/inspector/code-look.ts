import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import {
  Decoration,
  type DecorationSet,
  type EditorView,
  MatchDecorator,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

export const highlighting = syntaxHighlighting(
  HighlightStyle.define([
    { tag: tags.string, color: "var(--success-text)" },
    { tag: [tags.number, tags.bool, tags.null], color: "var(--warning-text)" },
    { tag: [tags.variableName, tags.definition(tags.variableName)], color: "var(--accent-text)" },
    { tag: tags.propertyName, color: "var(--text)" },
    { tag: [tags.operator, tags.punctuation, tags.bracket], color: "var(--text-3)" },
    { tag: [tags.keyword, tags.modifier], color: "var(--cat-ai)" },
    { tag: [tags.function(tags.variableName), tags.className], color: "var(--text)" },
    { tag: tags.comment, color: "var(--text-3)" },
  ]),
);

const matcher = new MatchDecorator({
  regexp: /\{\{[^{}]*\}\}/g,
  decoration: Decoration.mark({ class: "cm-template-token" }),
});

/** Tints every `{{ }}` inside text. */
export const templateTokens = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;

    constructor(view: EditorView) {
      this.decorations = matcher.createDeco(view);
    }

    update(update: ViewUpdate): void {
      this.decorations = matcher.updateDeco(update, this.decorations);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);
