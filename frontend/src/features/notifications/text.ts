import { defineText } from "@/i18n";

export const notificationsText = defineText("notifications", {
  en: {
    title: "Notifications",
    open_one: "Notifications, {{count}} unread",
    open_other: "Notifications, {{count}} unread",
    "open.none": "Notifications",
    readAll: "Mark all as read",
    empty: "Nothing new",
    "empty.lead": "Messages from Notify nodes and failures of runs you started appear here.",
    unread: "Unread",
  },
  zh: {
    title: "通知",
    open_other: "通知，{{count}} 条未读",
    "open.none": "通知",
    readAll: "全部标为已读",
    empty: "没有新通知",
    "empty.lead": "“通知”节点的消息和您启动的运行失败时的提醒会出现在这里。",
    unread: "未读",
  },
});
