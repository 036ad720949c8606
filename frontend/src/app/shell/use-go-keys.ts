/** Keys of every page: "?" for the shortcuts; "g" then a letter: g f = flows, g r = runs, g a = approvals, g t = templates. */
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";

const wait_ms = 1200;

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

export function useGoKeys(workspaceId: string | null, onHelp: () => void): void {
  const navigate = useNavigate();
  useEffect(() => {
    let armedAt = 0;
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key === "?" && !event.defaultPrevented) {
        onHelp();
        return;
      }
      if (event.key === "g") {
        armedAt = event.timeStamp;
        return;
      }
      const armed = armedAt !== 0 && event.timeStamp - armedAt < wait_ms;
      armedAt = 0;
      if (!armed) return;
      if (event.key === "t") void navigate({ to: "/templates" });
      else if (workspaceId === null) return;
      else if (event.key === "f") void navigate({ to: "/w/$ws/flows", params: { ws: workspaceId } });
      else if (event.key === "r") void navigate({ to: "/w/$ws/runs", params: { ws: workspaceId } });
      else if (event.key === "a") void navigate({ to: "/w/$ws/approvals", params: { ws: workspaceId } });
      else return;
      event.preventDefault();
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [navigate, workspaceId, onHelp]);
}
