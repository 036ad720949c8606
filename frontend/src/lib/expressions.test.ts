import { expect, test } from "vitest";
import { type ExpressionFunction, spelled } from "./expressions";

const doc = (kind: string, signature: string): ExpressionFunction => ({
  kind,
  name: signature.split("(")[0] ?? "",
  signature,
  en: "",
  zh: "",
  example: "",
  result: null,
});

test("a function is shown the way it is written", () => {
  expect(spelled(doc("text", "trim()"))).toBe(".trim()");
  expect(spelled(doc("Math", "max(a, b)"))).toBe("Math.max(a, b)");
  expect(spelled(doc("function", "ifEmpty(value, other)"))).toBe("ifEmpty(value, other)");
});
