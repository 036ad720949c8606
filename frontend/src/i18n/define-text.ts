/**
 * A feature's dictionary. Each feature declares its words in both languages beside its code and reads
 * them through `useText`, so that words travel in the feature's own chunk and a missing translation
 * is a type error.
 *
 *   export const runsText = defineText("runs", { en: {...}, zh: {...} });
 *   const t = useText(runsText);   t("list.title", { count: 3 })
 *
 * Keys are flat ("list.title"). Values use {{name}}; plurals end in _one/_other and are asked for
 * without the ending, with `count`.
 */
import type { i18n as I18n } from "i18next";
import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { i18n } from "./i18n";

type Entries = Record<string, string>;
type Asked<Key extends string> = Key extends `${infer Base}_one` | `${infer Base}_other` ? Base : Key;
/** Chinese has one plural form: a key that English splits needs only its `_other`. */
type Needed<Key extends string> = Key extends `${string}_one` ? never : Key;

export type Values = Record<string, string | number>;
export type Translate<Key extends string> = (key: Key, values?: Values) => string;
export type Dictionary<Key extends string> = {
  readonly name: string;
  /** Outside components: in the language of the moment of the call. */
  readonly text: Translate<Key>;
};

/** i18next's own key types would have to know every feature; ours are checked by `Translate`. */
function translator<Key extends string>(instance: I18n, namespace: string): Translate<Key> {
  const plain = instance.t as unknown as (key: string, options: object) => string;
  return (key, values) => plain(key, { ...values, ns: namespace });
}

export function defineText<const En extends Entries>(
  name: string,
  words: { en: En; zh: { [Key in Needed<keyof En & string>]: string } },
): Dictionary<Asked<keyof En & string>> {
  i18n.addResourceBundle("en", name, words.en, true, true);
  i18n.addResourceBundle("zh", name, words.zh, true, true);
  return { name, text: translator(i18n, name) };
}

export function useText<Key extends string>(dictionary: Dictionary<Key>): Translate<Key> {
  const { t } = useTranslation(dictionary.name, { i18n });
  // `t` changes with the language; a new function then tells memoised children to render again.
  // biome-ignore lint/correctness/useExhaustiveDependencies: `t` is the signal, not an input.
  return useMemo(() => translator<Key>(i18n, dictionary.name), [t, dictionary.name]);
}
