import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";
import { connectable, portLook } from "./port-types";

test.each([
  ["string", "string", true],
  ["string", "number", false],
  ["integer", "number", true],
  ["number", "integer", false],
  ["any", "array<Document>", true],
  ["array<Document>", "any", true],
  ["Document", "array<Document>", false],
  ["array<Chunk>", "array<Document>", true],
  ["array<Document>", "array<Chunk>", false],
  ["array<Document>", "array<any>", true],
  ["array<any>", "stream<any>", true],
  ["stream<integer>", "array<number>", true],
  ["stream<string>", "array<number>", false],
  ["string | null", "string", false],
  ["string", "string | null", true],
  ["string?", "string | null", true],
  ["Document", "object", true],
  ["Embedding", "array<number>", true],
  ["array<number>", "Embedding", true],
  ["Image", "File", true],
  ["map<string, number>", "object", true],
  ["list[str]", "array<string>", true],
  ["not a type <", "string", true],
])("%s into %s: %s", (source, target, fits) => expect(connectable(source, target)).toBe(fits));

test("colour says the type, shape says how many", () => {
  expect(portLook("array<Document>")).toEqual({ color: "var(--port-document)", shape: "array" });
  expect(portLook("stream<string> | null")).toEqual({ color: "var(--port-string)", shape: "stream" });
  expect(portLook("string | number")).toEqual({ color: "var(--port-any)", shape: "one" });
});

test("what fits what is the same as on the server", () => {
  const text = readFileSync(resolve(process.cwd(), "../tests/golden/types.json"), "utf8");
  const vectors = JSON.parse(text) as { fits: [string, string, boolean][] };
  expect(vectors.fits.length).toBeGreaterThan(10);
  const wrong = vectors.fits.filter(([source, target, fits]) => connectable(source, target) !== fits);
  expect(wrong).toEqual([]);
});
