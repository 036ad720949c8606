export { type Dictionary, defineText, type Translate, useText, type Values } from "./define-text";
export {
  formatBytes,
  formatClock,
  formatDate,
  formatDuration,
  formatFullTime,
  formatMoney,
  formatNumber,
  formatTime,
  minorDigits,
  useLanguage,
} from "./format";
export {
  chooseLanguage,
  currentLanguage,
  hasStoredLanguage,
  i18n,
  isLanguage,
  type Language,
  languages,
} from "./i18n";
