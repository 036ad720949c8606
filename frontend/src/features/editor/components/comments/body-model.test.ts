import { describe, expect, it } from "vitest";
import { mentionAt, partsOf, readable, withIds } from "./body-model";

const ann = { id: "00000000-0000-4000-8000-000000000001", name: "Ann" };
const anna = { id: "00000000-0000-4000-8000-000000000002", name: "Ann Lee" };
const mei = { id: "00000000-0000-4000-8000-000000000003", name: "小美" };
const people = [ann, anna, mei];

describe("the text of a comment", () => {
  it("shows people by their names and addresses as links, and nothing else as markup", () => {
    const body = `<@${ann.id}> see https://example.org/a?b=1. <b>not bold</b> javascript:alert(1)`;
    expect(partsOf(body, people)).toEqual([
      { kind: "mention", id: ann.id, name: "Ann" },
      { kind: "text", text: " see " },
      { kind: "link", href: "https://example.org/a?b=1" },
      { kind: "text", text: ". <b>not bold</b> javascript:alert(1)" },
    ]);
  });

  it("shows no id of a person nobody knows", () => {
    const stray = "Ask <@00000000-0000-4000-8000-00000000000f>";
    expect(partsOf(stray, people)).toEqual([{ kind: "text", text: "Ask @…" }]);
  });

  it("turns names into ids, the longest first, and back again", () => {
    const typed = "@Ann Lee and @Ann, @Anna, me@Ann 和@小美说";
    const sent = `<@${anna.id}> and <@${ann.id}>, @Anna, me@Ann 和@小美说`;
    expect(withIds(typed, people)).toBe(sent);
    expect(withIds("@小美你好", people)).toBe(`<@${mei.id}>你好`);
    expect(readable(sent, people)).toBe(typed);
  });

  it("knows the name being typed", () => {
    expect(mentionAt("ask @An", 7)).toEqual({ from: 4, query: "An" });
    expect(mentionAt("@", 1)).toEqual({ from: 0, query: "" });
    expect(mentionAt("mail a@b", 8)).toBeNull();
    expect(mentionAt("@Ann then", 9)).toBeNull();
  });
});
