/** Ctrl+K: flows and templates by name, every page, and a few commands. */
import { useMantineColorScheme } from "@mantine/core";
import { createSpotlight, Spotlight, type SpotlightActionGroupData } from "@mantine/spotlight";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { Icon } from "@/components/icon";
import { flowsQuery } from "@/features/flows/api";
import { templatesQuery } from "@/features/templates/api";
import { chooseLanguage, languages, useLanguage, useText } from "@/i18n";
import { useRights } from "@/lib/workspaces";
import { appText } from "../text";
import classes from "./command-palette.module.css";
import { placesOf } from "./places";

const [store, spotlight] = createSpotlight();
export const openPalette = (): void => spotlight.open();

type Props = { workspaceId: string | null; onShortcuts: () => void };

export function CommandPalette({ workspaceId, onShortcuts }: Props) {
  const t = useText(appText);
  const [everOpened, setEverOpened] = useState(false);
  const actions = useActions(workspaceId, onShortcuts, everOpened);
  return (
    <Spotlight
      store={store}
      onSpotlightOpen={() => setEverOpened(true)}
      actions={actions}
      shortcut={null}
      nothingFound={t("palette.nothing")}
      highlightQuery
      scrollable
      maxHeight={420}
      limit={40}
      size={560}
      overlayProps={{ blur: 0, color: "var(--scrim)", backgroundOpacity: 1 }}
      classNames={{ actionLabel: classes.label ?? "", actionDescription: classes.description ?? "" }}
      searchProps={{
        leftSection: <Icon name="search" size={16} />,
        placeholder: t("palette.placeholder"),
        "aria-label": t("palette.open"),
        size: "lg",
      }}
    />
  );
}

/** Flows and templates are read when the palette is first opened, not with every page. */
function useActions(
  workspaceId: string | null,
  onShortcuts: () => void,
  wanted: boolean,
): SpotlightActionGroupData[] {
  const t = useText(appText);
  const language = useLanguage();
  const navigate = useNavigate();
  const { setColorScheme } = useMantineColorScheme();
  const { canEdit } = useRights(workspaceId ?? "");
  const flows = useQuery({ ...flowsQuery(workspaceId ?? ""), enabled: wanted && workspaceId !== null }).data;
  const templates = useQuery({ ...templatesQuery, enabled: wanted }).data;
  return useMemo(() => {
    const flowActions = (flows ?? []).map((flow) => ({
      id: `flow:${flow.id}`,
      label: flow.name,
      description: flow.description,
      leftSection: <Icon name="flow" />,
      onClick: () =>
        void navigate({ to: "/w/$ws/flows/$flow", params: { ws: workspaceId ?? "", flow: flow.id } }),
    }));
    const pages = placesOf(workspaceId).map(({ key, icon, link }) => ({
      id: `page:${key}`,
      label: t(`nav.${key}`),
      leftSection: <Icon name={icon} />,
      onClick: () => void navigate(link as Parameters<typeof navigate>[0]),
    }));
    const templateActions = (templates ?? []).map((template) => ({
      id: `template:${template.id}`,
      label: template.name,
      description: template.summary,
      leftSection: <Icon name="templates" />,
      onClick: () => void navigate({ to: "/templates/$template", params: { template: template.id } }),
    }));
    const newFlow =
      workspaceId !== null && canEdit
        ? [
            {
              id: "command:new-flow",
              label: t("palette.newFlow"),
              leftSection: <Icon name="plus" />,
              onClick: () =>
                void navigate({ to: "/w/$ws/flows", params: { ws: workspaceId }, search: { new: true } }),
            },
          ]
        : [];
    const commands = [
      ...newFlow,
      {
        id: "command:light",
        label: t("palette.light"),
        leftSection: <Icon name="sun" />,
        onClick: () => setColorScheme("light"),
      },
      {
        id: "command:dark",
        label: t("palette.dark"),
        leftSection: <Icon name="moon" />,
        onClick: () => setColorScheme("dark"),
      },
      ...languages
        .filter(({ id }) => id !== language)
        .map(({ id, name }) => ({
          id: `command:language-${id}`,
          label: name,
          leftSection: <Icon name="language" />,
          onClick: () => chooseLanguage(id),
        })),
      {
        id: "command:shortcuts",
        label: t("help.open"),
        leftSection: <Icon name="keyboard" />,
        onClick: onShortcuts,
      },
    ];
    return [
      { group: t("palette.flows"), actions: flowActions },
      { group: t("palette.pages"), actions: pages },
      { group: t("palette.commands"), actions: commands },
      { group: t("palette.templates"), actions: templateActions },
    ].filter((group) => group.actions.length > 0);
  }, [flows, templates, workspaceId, canEdit, language, t, navigate, setColorScheme, onShortcuts]);
}
