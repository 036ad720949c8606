import { useEffect, useState } from "react";
import type { Run } from "@/lib/api";

/** How long a run took, or how long it has been running, counted every half second. */
export function useElapsed(run: Pick<Run, "state" | "started_at" | "duration_ms">): number | null {
  const ticking = run.state === "running" && run.started_at !== null;
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [ticking]);
  if (run.duration_ms !== null) return run.duration_ms;
  return ticking && run.started_at !== null ? Math.max(0, now - Date.parse(run.started_at)) : null;
}
