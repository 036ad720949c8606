import { expect, test } from "vitest";
import { expressionOf, isWholeExpression, toExpression, valueOfExpression } from "./expression-value";

const field = { name: "n", type: "number" as const, label: { en: "n", zh: "n" }, default: 4 };

test.each([
  ["{{ a.b }}", true],
  ["  {{a}} ", true],
  ["Hello {{ a }}", false],
  ["{{ a }} and {{ b }}", false],
  [5, false],
  [undefined, false],
])("%s is one whole expression: %s", (value, whole) => expect(isWholeExpression(value)).toBe(whole));

test("an expression is shown without its braces and written with them", () => {
  expect(expressionOf("{{ item.x > 3 }}")).toBe("item.x > 3");
  expect(toExpression(" item.x ")).toBe("{{ item.x }}");
});

test("going back to a value keeps a literal and else takes the default", () => {
  expect(valueOfExpression("{{ 12 }}", field)).toBe(12);
  expect(valueOfExpression("{{ a.b }}", field)).toBe(4);
});
