/** The one i18next instance and the choice of language: stored choice, then the person's, then the browser's. */
import i18next, { type i18n as I18n } from "i18next";
import { initReactI18next } from "react-i18next";

export type Language = "en" | "zh";
export const languages: readonly { id: Language; name: string }[] = [
  { id: "en", name: "English" },
  { id: "zh", name: "中文" },
];

const storageKey = "sage.language";

export function isLanguage(value: unknown): value is Language {
  return value === "en" || value === "zh";
}

function stored(): Language | null {
  try {
    const value = localStorage.getItem(storageKey);
    return isLanguage(value) ? value : null;
  } catch {
    return null;
  }
}

function ofBrowser(): Language {
  const first = navigator.languages?.find((tag) => /^(zh|en)\b/i.test(tag));
  return first?.toLowerCase().startsWith("zh") ? "zh" : "en";
}

export const i18n: I18n = i18next.createInstance();
i18n.use(initReactI18next).init({
  lng: stored() ?? ofBrowser(),
  fallbackLng: "en",
  supportedLngs: ["en", "zh"],
  resources: {},
  keySeparator: false,
  nsSeparator: false,
  interpolation: { escapeValue: false },
  initAsync: false,
});

function markDocument(language: string): void {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
}
markDocument(i18n.language);
i18n.on("languageChanged", markDocument);

export function currentLanguage(): Language {
  return i18n.language === "zh" ? "zh" : "en";
}

/** `remember` is false when the choice comes from the person's profile rather than from a click here. */
export function chooseLanguage(language: Language, remember = true): void {
  if (remember) {
    try {
      localStorage.setItem(storageKey, language);
    } catch {
      // Private windows may refuse storage; the choice then lasts as long as the page.
    }
  }
  if (i18n.language !== language) void i18n.changeLanguage(language);
}

export function hasStoredLanguage(): boolean {
  return stored() !== null;
}
