import { useQuery } from "@tanstack/react-query";
import { Chip } from "@/components/chip";
import { Icon, type IconName } from "@/components/icon";
import { useText } from "@/i18n";
import type { PluginManifest, PluginPermissions } from "@/lib/api";
import { kindsQuery } from "@/lib/credential-kinds";
import { useLocal } from "@/lib/local-text";
import { signedKinds, usualHosts } from "../asked";
import classes from "../plugins.module.css";
import { pluginsText } from "../text";

type Key = keyof PluginPermissions | "signs";
type Line = { key: Key; icon: IconName; text: string; asks: boolean };

function useLines(workspaceId: string, manifest: PluginManifest): Line[] {
  const t = useText(pluginsText);
  const named = useKindNames(workspaceId, manifest);
  const { hosts, files, secrets, code } = manifest.permissions;
  const usual = usualHosts(manifest);
  const signs = signedKinds(manifest);
  const hostText = hosts.includes("*")
    ? `${t("perm.hosts.any")}${usual.length > 0 ? t("perm.hosts.usual", { hosts: usual.join(", ") }) : ""}`
    : hosts.length > 0
      ? t("perm.hosts", { hosts: hosts.join(", ") })
      : t("perm.hosts.none");
  const secretText = secrets.includes("*")
    ? t("perm.secrets.any")
    : secrets.length > 0
      ? t("perm.secrets", { kinds: named(secrets) })
      : t("perm.secrets.none");
  return [
    { key: "hosts", icon: "globe", text: hostText, asks: hosts.length > 0 },
    { key: "files", icon: "file", text: t(`perm.files.${files}`), asks: files !== "none" },
    ...(signs === null
      ? [{ key: "signs" as const, icon: "lock" as const, text: t("perm.signs.any"), asks: true }]
      : signs.length > 0
        ? [
            {
              key: "signs" as const,
              icon: "lock" as const,
              text: t("perm.signs", { kinds: named(signs) }),
              asks: true,
            },
          ]
        : []),
    { key: "secrets", icon: "key", text: secretText, asks: secrets.length > 0 },
    { key: "code", icon: "code", text: t(code ? "perm.code" : "perm.code.none"), asks: code },
  ];
}

/** Kinds as people know them; one nobody here knows by its id. */
function useKindNames(workspaceId: string, manifest: PluginManifest): (ids: readonly string[]) => string {
  const local = useLocal();
  const known = useQuery(kindsQuery(workspaceId)).data?.byId;
  const own = new Map((manifest.credential_kinds ?? []).map((kind) => [kind.id, kind.name]));
  return (ids) =>
    ids
      .map((id) => {
        const name = own.get(id) ?? known?.get(id)?.name;
        return name ? `${local(name)} (${id})` : id;
      })
      .join(", ");
}

type Props = { workspaceId: string; manifest: PluginManifest; before?: PluginPermissions | null };

/** What a plug-in wants to be allowed; beside an older version, what of it is new. */
export function PermissionList({ workspaceId, manifest, before }: Props) {
  const t = useText(pluginsText);
  const lines = useLines(workspaceId, manifest);
  const isNew = (key: Key) =>
    key !== "signs" && before && String(before[key]) !== String(manifest.permissions[key]);
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
