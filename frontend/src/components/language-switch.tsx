import { chooseLanguage, languages, useLanguage } from "@/i18n";
import classes from "./language-switch.module.css";

/** Each language by its own name. */
export function LanguageSwitch() {
  const current = useLanguage();
  return (
    <span className={classes.group}>
      {languages.map(({ id, name }) => (
        <button
          key={id}
          type="button"
          lang={id}
          aria-pressed={id === current}
          className={classes.choice}
          onClick={() => chooseLanguage(id)}
        >
          {name}
        </button>
      ))}
    </span>
  );
}
