import { type MantineColorScheme, Menu, useMantineColorScheme } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { Icon, type IconName } from "@/components/icon";
import { PersonAvatar } from "@/components/person-avatar";
import { tellProblem } from "@/components/toast";
import { signOut } from "@/features/auth/api";
import { chooseLanguage, languages, useLanguage, useText } from "@/i18n";
import type { Me } from "@/lib/api";
import { usePreferences } from "@/lib/preferences";
import { appText } from "../text";
import classes from "./rail.module.css";

const schemes: readonly { id: MantineColorScheme; icon: IconName }[] = [
  { id: "light", icon: "sun" },
  { id: "dark", icon: "moon" },
  { id: "auto", icon: "monitor" },
];

function useSignOut() {
  const queryClient = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: signOut,
    onSuccess: async () => {
      queryClient.clear();
      await navigate({ to: "/sign-in" });
    },
    onError: tellProblem,
  });
}

export function PersonMenu({ me }: { me: Me }) {
  const t = useText(appText);
  const language = useLanguage();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const moreContrast = usePreferences((state) => state.moreContrast);
  const setMoreContrast = usePreferences((state) => state.setMoreContrast);
  const leave = useSignOut();
  const tick = (on: boolean) => (on ? <Icon name="check" /> : undefined);
  return (
    <Menu position="right-end" width={232} offset={10}>
      <Menu.Target>
        <button type="button" className={classes.person} aria-label={t("person.menu", { name: me.name })}>
          <PersonAvatar person={me} size={28} />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <span className={classes.switchName}>{me.name}</span>
          <span className={classes.switchSub}>{me.email}</span>
        </Menu.Label>
        <Menu.Item component={Link} to="/me" leftSection={<Icon name="person" />}>
          {t("person.profile")}
        </Menu.Item>
        {me.is_admin && (
          <Menu.Item component="a" href="/admin/" leftSection={<Icon name="shield" />}>
            {t("person.console")}
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Label>{t("person.language")}</Menu.Label>
        {languages.map(({ id, name }) => (
          <Menu.Item
            key={id}
            lang={id}
            closeMenuOnClick={false}
            leftSection={<Icon name="language" />}
            rightSection={tick(id === language)}
            onClick={() => chooseLanguage(id)}
          >
            {name}
          </Menu.Item>
        ))}
        <Menu.Label>{t("person.theme")}</Menu.Label>
        {schemes.map(({ id, icon }) => (
          <Menu.Item
            key={id}
            closeMenuOnClick={false}
            leftSection={<Icon name={icon} />}
            rightSection={tick(id === colorScheme)}
            onClick={() => setColorScheme(id)}
          >
            {t(`person.theme.${id}`)}
          </Menu.Item>
        ))}
        <Menu.Item
          closeMenuOnClick={false}
          leftSection={<Icon name="contrast" />}
          rightSection={tick(moreContrast)}
          onClick={() => setMoreContrast(!moreContrast)}
        >
          {t("person.contrast")}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<Icon name="sign-out" />} onClick={() => leave.mutate()}>
          {t("person.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
