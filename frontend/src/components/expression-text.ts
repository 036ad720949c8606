/** Words around expressions, in both languages. */
import { defineText } from "@/i18n";

export const expressionText = defineText("expressions", {
  en: {
    title: "Functions of expressions",
    search: "Search functions",
    nothing: "No function is called that.",
    lead: "Write {{open}} … {{close}} around an expression. Values come by name: inputs, the id of a node before this one, vars, flow, run; item and index where a field is computed for each item. What is not listed here runs as JavaScript in the sandbox.",
    copy: "Copy the example",
    copied: "Copied",
    "kind.text": "Text",
    "kind.list": "Lists",
    "kind.number": "Numbers",
    "kind.object": "Objects",
    "kind.date": "Dates",
    "kind.boolean": "Yes or no",
    "kind.function": "By themselves",
  },
  zh: {
    title: "表达式函数",
    search: "搜索函数",
    nothing: "没有符合的函数。",
    lead: "用 {{open}} … {{close}} 包住表达式。可按名称读取：inputs、前面节点的 id、vars、flow、run；逐项计算的字段中还有 item 与 index。未列出的写法会在沙箱中以 JavaScript 运行。",
    copy: "复制示例",
    copied: "已复制",
    "kind.text": "文本",
    "kind.list": "列表",
    "kind.number": "数字",
    "kind.object": "对象",
    "kind.date": "日期",
    "kind.boolean": "是与否",
    "kind.function": "独立函数",
  },
});
