/** Texts that come in both languages with the data. */
import { useCallback } from "react";
import { useLanguage } from "@/i18n";
import type { Text } from "./api";

export function useLocal(): (text: Text) => string {
  const language = useLanguage();
  return useCallback((text) => (language === "zh" ? text.zh || text.en : text.en || text.zh), [language]);
}
