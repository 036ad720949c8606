/** Numbers, times and durations in the reader's language. */
import { useTranslation } from "react-i18next";
import { currentLanguage, i18n, type Language } from "./i18n";

const tags: Record<Language, string> = { en: "en-GB", zh: "zh-CN" };

/** Re-renders on a language change, so that components that only show numbers follow it as well. */
export function useLanguage(): Language {
  useTranslation(undefined, { i18n });
  return currentLanguage();
}

const startOfDay = (date: Date): number =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** "14:05" today, "yesterday 14:05", "18 Nov 14:05" this year, with the year before that. */
export function formatTime(iso: string, now: Date = new Date()): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "—";
  const tag = tags[currentLanguage()];
  const clock = date.toLocaleTimeString(tag, { hour: "2-digit", minute: "2-digit" });
  const days = Math.round((startOfDay(now) - startOfDay(date)) / 86_400_000);
  if (days === 0 || days === 1) {
    const day = new Intl.RelativeTimeFormat(tag, { numeric: "auto" }).format(-days, "day");
    return `${day} ${clock}`;
  }
  const sameYear = date.getFullYear() === now.getFullYear();
  const day = date.toLocaleDateString(tag, {
    day: "numeric",
    month: "short",
    ...(sameYear ? {} : { year: "numeric" }),
  });
  return `${day} ${clock}`;
}

/** Everything: for tooltips and `title`. */
export function formatFullTime(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "";
  return date.toLocaleString(tags[currentLanguage()], { dateStyle: "medium", timeStyle: "medium" });
}

/** "14:05:12.480" for log lines. */
export function formatClock(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "—";
  const clock = date.toLocaleTimeString("en-GB", { hour12: false });
  return `${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

export function formatDate(iso: string): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return "—";
  return date.toLocaleDateString(tags[currentLanguage()], { dateStyle: "medium" });
}

/** "12 ms", "4.2 s", "2:47", "1:02:47". */
export function formatDuration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || !Number.isFinite(ms) || ms < 0) return "—";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

export function formatNumber(value: number): string {
  return value.toLocaleString(tags[currentLanguage()]);
}

/** Millionths of a currency as an amount; less than a cent keeps the digits that tell. */
export function formatMoney(micros: number, currency: string): string {
  const amount = micros / 1_000_000;
  const size = amount === 0 ? 0 : Math.floor(Math.log10(Math.abs(amount)));
  const digits = size < 0 ? { minimumFractionDigits: 2, maximumFractionDigits: Math.min(6, 2 - size) } : {};
  const style = { style: "currency", currency, currencyDisplay: "narrowSymbol" } as const;
  try {
    return amount.toLocaleString(tags[currentLanguage()], { ...style, ...digits });
  } catch {
    return `${amount} ${currency}`;
  }
}

/** How many digits a currency has behind the point: 2 for most, none for the yen. */
export function minorDigits(currency: string): number {
  try {
    return (
      new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions().maximumFractionDigits ??
      2
    );
  } catch {
    return 2;
  }
}

export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}
