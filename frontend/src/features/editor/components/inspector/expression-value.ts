/** Between a stored value and the expression a person types: `{{ x }}` ↔ `x`. */
import type { FieldSpec, Json } from "@/flow-core";

const WHOLE = /^\s*\{\{([\s\S]*)\}\}\s*$/;

/** Whether the whole value is one expression; text with expressions in it is text. */
export function isWholeExpression(value: Json | undefined): value is string {
  if (typeof value !== "string") return false;
  const inner = WHOLE.exec(value)?.[1];
  return inner !== undefined && !inner.includes("}}") && !inner.includes("{{");
}

export function expressionOf(value: Json | undefined): string {
  return typeof value === "string" ? (WHOLE.exec(value)?.[1] ?? value).trim() : "";
}

export function toExpression(text: string): string {
  return `{{ ${text.trim()} }}`;
}

/** Back to a plain value: a literal keeps its value, anything else gives the default. */
export function valueOfExpression(value: Json | undefined, field: FieldSpec): Json | undefined {
  try {
    return JSON.parse(expressionOf(value)) as Json;
  } catch {
    const fallback = field.default;
    return fallback === null || fallback === undefined || isWholeExpression(fallback) ? undefined : fallback;
  }
}
