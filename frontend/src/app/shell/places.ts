/** The pages of the rail and the palette. Only what exists is listed. */
import type { LinkProps } from "@tanstack/react-router";
import type { IconName } from "@/components/icon";

type Place = {
  key:
    | "flows"
    | "runs"
    | "approvals"
    | "triggers"
    | "templates"
    | "files"
    | "library"
    | "plugins"
    | "credentials"
    | "members"
    | "settings";
  icon: IconName;
  link: LinkProps;
};

export function placesOf(workspaceId: string | null): Place[] {
  const templates: Place = { key: "templates", icon: "templates", link: { to: "/templates" } };
  if (workspaceId === null) return [templates];
  const params = { ws: workspaceId };
  return [
    { key: "flows", icon: "flow", link: { to: "/w/$ws/flows", params } },
    { key: "runs", icon: "run-history", link: { to: "/w/$ws/runs", params } },
    { key: "approvals", icon: "check", link: { to: "/w/$ws/approvals", params } },
    { key: "triggers", icon: "webhook", link: { to: "/w/$ws/triggers", params } },
    templates,
    { key: "files", icon: "file", link: { to: "/w/$ws/files", params } },
    { key: "library", icon: "grid", link: { to: "/w/$ws/library", params } },
    { key: "plugins", icon: "plug", link: { to: "/w/$ws/plugins", params } },
    { key: "credentials", icon: "key", link: { to: "/w/$ws/credentials", params } },
    { key: "members", icon: "people", link: { to: "/w/$ws/members", params } },
    { key: "settings", icon: "settings", link: { to: "/w/$ws/settings", params } },
  ];
}
