import { defineText } from "@/i18n";

export const sharingText = defineText("sharing", {
  en: {
    readOnly: "Read-only",
    "readOnly.help":
      "Somebody shared the drawing of this flow with you. Settings, data and runs are not part of it.",
    until: "The link works until {{date}}",
    updated: "Changed {{time}}",
    canvas: "Drawing of the flow",
    gone: "This link does not work",
    "gone.lead": "It may have expired or been taken back. Ask whoever sent it for a new one.",
    untitled: "Untitled flow",
    empty: "This flow has no nodes yet.",
    home: "To SAGE Studio",
    controls: "View",
    zoomIn: "Zoom in",
    zoomOut: "Zoom out",
    fit: "Show everything",
  },
  zh: {
    readOnly: "只读",
    "readOnly.help": "有人与你分享了此流程图，其中不包含配置、数据和运行记录。",
    until: "链接有效期至 {{date}}",
    updated: "{{time}} 更新",
    canvas: "流程图",
    gone: "此链接无效",
    "gone.lead": "它可能已过期或被撤回，请向发送者索取新的链接。",
    untitled: "未命名流程",
    empty: "此流程还没有节点。",
    home: "前往 SAGE Studio",
    controls: "视图",
    zoomIn: "放大",
    zoomOut: "缩小",
    fit: "显示全部",
  },
});
