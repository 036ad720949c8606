import {
  Button,
  type MantineColorScheme,
  SegmentedControl,
  Switch,
  TextInput,
  useMantineColorScheme,
} from "@mantine/core";
import { type FormEvent, useState } from "react";
import { Page } from "@/components/page";
import { personColor } from "@/components/person-avatar";
import { ProblemNote } from "@/components/problem-view";
import { Section } from "@/components/section";
import { tell, tellProblem } from "@/components/toast";
import { chooseLanguage, type Language, languages, useLanguage, useText } from "@/i18n";
import type { Me } from "@/lib/api";
import { usePreferences } from "@/lib/preferences";
import { useMe } from "@/lib/session";
import { useMeChange } from "./api";
import { TokenSection } from "./components/token-section";
import classes from "./me-page.module.css";
import { settingsText } from "./text";

export function MePage() {
  const t = useText(settingsText);
  const me = useMe();
  if (me === null) return null;
  return (
    <Page title={t("title")}>
      <Section title={t("profile.title")} lead={t("profile.lead")}>
        <ProfileForm key={me.id} me={me} />
      </Section>
      <Section title={t("look.title")}>
        <Look />
      </Section>
      <TokenSection />
    </Page>
  );
}

const colors = [1, 2, 3, 4, 5, 6, 7, 8];

function ProfileForm({ me }: { me: Me }) {
  const t = useText(settingsText);
  const change = useMeChange();
  const [name, setName] = useState(me.name);
  const [color, setColor] = useState(me.color);
  const changed = name.trim() !== "" && (name.trim() !== me.name || color !== me.color);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (changed) change.mutate({ name: name.trim(), color }, { onSuccess: () => tell(t("profile.saved")) });
  };
  return (
    <form onSubmit={submit} className={classes.form}>
      <TextInput
        label={t("profile.name")}
        value={name}
        maxLength={80}
        autoComplete="name"
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <TextInput label={t("profile.email")} value={me.email} readOnly variant="filled" />
      <fieldset className={classes.colors}>
        <legend>{t("profile.color")}</legend>
        {colors.map((number) => (
          <label key={number} style={{ background: personColor(number) }} data-on={number === color}>
            <input
              type="radio"
              name="color"
              checked={number === color}
              aria-label={t("profile.colorN", { number })}
              onChange={() => setColor(number)}
            />
          </label>
        ))}
      </fieldset>
      {change.error && <ProblemNote error={change.error} />}
      <div>
        <Button type="submit" loading={change.isPending} disabled={!changed}>
          {t("profile.save")}
        </Button>
      </div>
    </form>
  );
}

/** The language is the person's, on every device; theme and contrast belong to this device. */
function Look() {
  const t = useText(settingsText);
  const language = useLanguage();
  const change = useMeChange();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const moreContrast = usePreferences((state) => state.moreContrast);
  const setMoreContrast = usePreferences((state) => state.setMoreContrast);
  const pick = (next: Language) => {
    chooseLanguage(next);
    change.mutate({ language: next }, { onError: tellProblem });
  };
  return (
    <div className={classes.form}>
      <div className={classes.choice}>
        <span id="look-language">{t("look.language")}</span>
        <SegmentedControl
          aria-labelledby="look-language"
          value={language}
          data={languages.map(({ id, name }) => ({ value: id, label: name }))}
          onChange={(value) => pick(value as Language)}
        />
      </div>
      <div className={classes.choice}>
        <span id="look-theme">{t("look.theme")}</span>
        <SegmentedControl
          aria-labelledby="look-theme"
          value={colorScheme}
          data={(["light", "dark", "auto"] as const).map((value) => ({ value, label: t(`look.${value}`) }))}
          onChange={(value) => setColorScheme(value as MantineColorScheme)}
        />
      </div>
      <Switch
        label={t("look.contrast")}
        description={t("look.contrast.lead")}
        checked={moreContrast}
        onChange={(event) => setMoreContrast(event.currentTarget.checked)}
      />
    </div>
  );
}
