import { expect, test } from "vitest";
import type { NodeSpec } from "@/flow-core";
import { searchTypes } from "./search";

const spec = (id: string, en: string, zh: string, aliases: string[] = []): NodeSpec => ({
  id,
  version: "1",
  name: { en, zh },
  description: { en: "", zh: "" },
  category: "processing",
  icon: "",
  inputs: [],
  outputs: [],
  input_ports: [],
  config: [],
  aliases,
});
const list = [
  spec("data_filter", "Filter", "筛选数据", ["where"]),
  spec("file_reader", "Read files", "读取文件", ["csv"]),
];
const found = (query: string) => searchTypes(list, query).map((item) => item.id);

test.each([
  ["fil", ["data_filter", "file_reader"]],
  ["筛选", ["data_filter"]],
  ["csv", ["file_reader"]],
  ["read file", ["file_reader"]],
  ["file_reader", ["file_reader"]],
  ["nothing like it", []],
  ["", ["data_filter", "file_reader"]],
])("“%s” finds %j", (query, ids) => expect(found(query)).toEqual(ids));
