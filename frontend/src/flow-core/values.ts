/** Plain values as every replica writes them; the same rules as `sage_studio.flow.values`. */
import { isObject, type Json, type JsonObject } from "./json";

const MAX_VALUE_DEPTH = 56;
// biome-ignore lint/suspicious/noControlCharactersInRegex: NUL is exactly what must not be stored.
const UNSTORABLE = /[\u0000\ud800-\udfff]/gu;

/** Without what databases and UTF-8 refuse: NUL and lone surrogates become U+FFFD. */
export function plainText(value: string): string {
  return value.replace(UNSTORABLE, "\ufffd");
}

/** Total: what JSON cannot say, or nests too deep, becomes null. */
export function plainJson(value: unknown, depth = 1): Json {
  if (typeof value === "string") return plainText(value);
  if (typeof value === "number") return Number.isFinite(value) ? value + 0 : null;
  if (typeof value === "boolean") return value;
  if (typeof value !== "object" || value === null || depth > MAX_VALUE_DEPTH) return null;
  if (Array.isArray(value)) return value.map((item) => plainJson(item, depth + 1));
  if (!isObject(value)) return null;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [plainText(key), plainJson(item, depth + 1)]),
  );
}

export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** UTF-16 code unit order, which is what `<` on strings is. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
