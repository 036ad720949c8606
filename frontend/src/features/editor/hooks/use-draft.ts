/** Text being typed: written after a short pause and on leaving; others' changes show when not typing. */
import { useEffect, useRef, useState } from "react";

const PAUSE_MS = 300;

export function useDraft(value: string, commit: (text: string) => void, done?: () => void) {
  const [draft, setDraft] = useState<string | null>(null);
  const latest = useRef({ commit, draft, done });
  latest.current = { commit, draft, done };
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);
  const flush = (): void => {
    if (timer.current) clearTimeout(timer.current);
    timer.current = null;
    if (latest.current.draft !== null) latest.current.commit(latest.current.draft);
  };
  // A field that goes away while it is typed in keeps what was typed.
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs once, at the end.
  useEffect(() => flush, []);
  return {
    value: draft ?? value,
    focus: () => undefined,
    change(text: string): void {
      setDraft(text);
      latest.current.draft = text;
      if (timer.current) clearTimeout(timer.current);
      timer.current = setTimeout(flush, PAUSE_MS);
    },
    blur(): void {
      flush();
      latest.current.draft = null;
      setDraft(null);
      latest.current.done?.();
    },
  };
}
