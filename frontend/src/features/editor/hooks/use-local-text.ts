import type { LocalText } from "@/flow-core";
import { useLanguage } from "@/i18n";

/** Picks the reader's language from a text that carries both; plain text passes through. */
export function useLocalText(): (text: LocalText | string | null | undefined) => string {
  const language = useLanguage();
  return (text) => (typeof text === "string" ? text : (text?.[language] ?? text?.en ?? ""));
}
