import { describe, expect, test } from "vitest";
import { chooseLanguage, formatBytes, formatDuration, formatMoney, formatTime, minorDigits } from ".";

describe("durations", () => {
  test.each([
    [12, "12 ms"],
    [4210, "4.2 s"],
    [59_990, "1:00"],
    [167_000, "2:47"],
    [3_767_000, "1:02:47"],
    [null, "—"],
  ])("%s ms reads %s", (ms, text) => expect(formatDuration(ms)).toBe(text));
});

test("times of today and yesterday are named in the reader's language", () => {
  const now = new Date(2026, 10, 23, 15, 0);
  const yesterday = new Date(2026, 10, 22, 9, 5).toISOString();
  expect(formatTime(yesterday, now)).toBe("yesterday 09:05");
  chooseLanguage("zh", false);
  expect(formatTime(yesterday, now)).toBe("昨天 09:05");
  expect(formatTime("nonsense", now)).toBe("—");
});

test("sizes keep a readable number of digits", () => {
  expect([0, 999, 1200, 25_000_000].map(formatBytes)).toEqual(["0 B", "999 B", "1.2 kB", "25 MB"]);
});

test("money keeps the digits that tell", () => {
  expect(formatMoney(12_340_000, "USD")).toBe("$12.34");
  expect(formatMoney(800_000, "USD")).toBe("$0.80");
  expect(formatMoney(5_100, "USD")).toBe("$0.0051");
  expect(formatMoney(0, "USD")).toBe("$0.00");
  expect(minorDigits("JPY")).toBe(0);
});
