import { defineText } from "@/i18n";

/** Words for what a run or a node is doing; used wherever a state is shown. */
export const statesText = defineText("states", {
  en: {
    ready: "Queued",
    pending: "Not run",
    queued: "Queued",
    running: "Running",
    waiting: "Waiting",
    paused: "Paused",
    completed: "Done",
    failed: "Failed",
    skipped: "Skipped",
    cached: "Cached",
    cancelled: "Cancelled",
  },
  zh: {
    ready: "排队中",
    pending: "未运行",
    queued: "排队中",
    running: "运行中",
    waiting: "等待中",
    paused: "已暂停",
    completed: "完成",
    failed: "失败",
    skipped: "已跳过",
    cached: "来自缓存",
    cancelled: "已取消",
  },
});
