import { Chip } from "@/components/chip";
import { Icon, type IconName } from "@/components/icon";
import { useText } from "@/i18n";
import type { PluginPermissions } from "@/lib/api";
import classes from "../plugins.module.css";
import { pluginsText } from "../text";

type Line = { key: keyof PluginPermissions; icon: IconName; text: string; asks: boolean };

function useLines({ hosts, files, secrets, code }: PluginPermissions): Line[] {
  const t = useText(pluginsText);
  const anyHost = hosts.includes("*");
  const anySecret = secrets.includes("*");
  const hostText = anyHost
    ? t("perm.hosts.any")
    : hosts.length > 0
      ? t("perm.hosts", { hosts: hosts.join(", ") })
      : t("perm.hosts.none");
  const secretText = anySecret
    ? t("perm.secrets.any")
    : secrets.length > 0
      ? t("perm.secrets", { kinds: secrets.join(", ") })
      : t("perm.secrets.none");
  return [
    { key: "hosts", icon: "globe", text: hostText, asks: hosts.length > 0 },
    { key: "files", icon: "file", text: t(`perm.files.${files}`), asks: files !== "none" },
    { key: "secrets", icon: "key", text: secretText, asks: secrets.length > 0 },
    { key: "code", icon: "code", text: t(code ? "perm.code" : "perm.code.none"), asks: code },
  ];
}

type Props = { permissions: PluginPermissions; before?: PluginPermissions | null };

/** What a plug-in wants to be allowed; beside an older version, what of it is new. */
export function PermissionList({ permissions, before }: Props) {
  const t = useText(pluginsText);
  const lines = useLines(permissions);
  const isNew = (key: keyof PluginPermissions) =>
    before !== null && before !== undefined && String(before[key]) !== String(permissions[key]);
  return (
    <ul className={classes.permissions}>
      {lines.map((line) => (
        <li key={line.key} data-asks={line.asks}>
          <Icon name={line.icon} />
          <span>
            {line.text} {line.asks && isNew(line.key) && <Chip tone="warn">{t("perm.new")}</Chip>}
          </span>
        </li>
      ))}
    </ul>
  );
}
