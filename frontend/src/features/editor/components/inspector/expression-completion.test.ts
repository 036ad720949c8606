import { expect, test } from "vitest";
import { nameOffer, pathAtEnd, valueAtPath } from "./expression-completion";

test("the value before a dot is found by its path", () => {
  expect(pathAtEnd("1 + rows_a1b2.data[0].name")).toEqual(["rows_a1b2", "data", "0", "name"]);
  expect(pathAtEnd("item?.address")).toEqual(["item", "address"]);
  expect(pathAtEnd("item.name.trim()")).toBeNull();
  expect(pathAtEnd("f(x).y")).toBeNull();
  expect(valueAtPath({ data: [{ name: "Ada" }] }, ["data", "0", "name"])).toBe("Ada");
  expect(valueAtPath({ data: 1 }, ["data", "x"])).toBeUndefined();
});

test("a secret variable is told from others before it is chosen", () => {
  const mark = { word: "secret", info: "Masked." };
  expect(nameOffer({ label: "vars.key", detail: "string", mark })).toMatchObject({
    label: "vars.key",
    detail: "secret",
    info: "Masked.",
  });
  expect(nameOffer({ label: "vars.city", detail: "any" })).toMatchObject({ detail: "any", type: "variable" });
});
