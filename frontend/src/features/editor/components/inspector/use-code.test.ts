import { describe, expect, it } from "vitest";
import { codeFailure, inputNames } from "./use-code";

describe("names in code", () => {
  it("are the list, the value and what the node declares, without types", () => {
    const node = { config: { inputs: { "rate: number": 1, plain: 2 } } };
    expect(inputNames(node).map(({ label }) => label)).toEqual(["items", "value", "rate", "plain"]);
    expect(inputNames(node)[2]?.detail).toBe("number");
  });

  it("are the item and its number where the code runs per item", () => {
    expect(inputNames({ config: { mode: "each" } }).map(({ label }) => label)).toEqual([
      "item",
      "index",
      "value",
    ]);
  });
});

describe("the place where code failed", () => {
  const details = { line: 2, column: 5, source_line: "x = y", kind: "NameError", message: "no y" };

  it("is read from the error of the sandbox", () => {
    expect(codeFailure({ code: "sandbox.code_failed", message: "", details })).toEqual({
      line: 2,
      column: 5,
      sourceLine: "x = y",
      message: "NameError: no y",
    });
  });

  it("is nowhere for other errors and for those without a line", () => {
    expect(codeFailure({ code: "http.refused", message: "", details })).toBeNull();
    expect(codeFailure({ code: "sandbox.timed_out", message: "", details: { limit_s: 1 } })).toBeNull();
  });
});
