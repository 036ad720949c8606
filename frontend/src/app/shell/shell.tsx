/** The frame around every signed-in page: the rail, and beside it the page. */
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { Outlet, useMatchRoute, useNavigate, useParams, useRouter } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useText } from "@/i18n";
import { usePreferences } from "@/lib/preferences";
import { useMe } from "@/lib/session";
import { useWorkspaces } from "@/lib/workspaces";
import { appText } from "../text";
import { CommandPalette, openPalette } from "./command-palette";
import { Rail } from "./rail";
import classes from "./shell.module.css";
import { ShortcutSheet } from "./shortcut-sheet";
import { useGoKeys } from "./use-go-keys";

/** The workspace of the address, else the one last used: templates and the profile lie outside of any. */
function useActiveWorkspaceId(): string | null {
  const { ws } = useParams({ strict: false });
  const workspaces = useWorkspaces();
  const last = usePreferences((state) => state.lastWorkspaceId);
  const remember = usePreferences((state) => state.setLastWorkspaceId);
  const known = ws !== undefined && workspaces.some((workspace) => workspace.id === ws);
  useEffect(() => {
    if (known) remember(ws);
  }, [known, ws, remember]);
  if (ws !== undefined) return ws;
  return (workspaces.find((workspace) => workspace.id === last) ?? workspaces[0])?.id ?? null;
}

export function Shell() {
  const t = useText(appText);
  const me = useMe();
  const workspaceId = useActiveWorkspaceId();
  const inEditor = Boolean(useMatchRoute()({ to: "/w/$ws/flows/$flow" }));
  const [sheet, { open: openSheet, close: closeSheet, toggle: toggleSheet }] = useDisclosure(false);
  useHotkeys([["mod+K", openPalette]], []);
  useGoKeys(workspaceId, toggleSheet);
  if (me === null) return <SessionOver />;
  return (
    <div className={classes.shell}>
      <a className={classes.skip} href="#main">
        {t("skip")}
      </a>
      <Rail me={me} workspaceId={workspaceId} onHelp={openSheet} />
      <div className={classes.page}>
        <Outlet />
      </div>
      <CommandPalette workspaceId={workspaceId} onShortcuts={openSheet} />
      <ShortcutSheet opened={sheet} place={inEditor ? "editor" : "lists"} onClose={closeSheet} />
    </div>
  );
}

/** The session ended while a page was open: sign in, then come back to it. */
function SessionOver() {
  const navigate = useNavigate();
  const router = useRouter();
  // Kept from the first moment: the address changes under us as soon as the navigation begins.
  const [here] = useState(() => router.state.location.href);
  useEffect(() => {
    void navigate({ to: "/sign-in", search: { next: here }, replace: true });
  }, [navigate, here]);
  return null;
}
