import { getRouteApi } from "@tanstack/react-router";
import { CredentialsPage } from "@/features/credentials/credentials-page";
import { FilesPage } from "@/features/files/files-page";
import { MePage } from "@/features/settings/me-page";
import { MembersPage } from "@/features/workspaces/members-page";
import { WorkspaceSettingsPage } from "@/features/workspaces/workspace-settings-page";

const members = getRouteApi("/shell/w/$ws/members");
const settings = getRouteApi("/shell/w/$ws/settings");
const files = getRouteApi("/shell/w/$ws/files");
const credentials = getRouteApi("/shell/w/$ws/credentials");

export function MembersRoute() {
  return <MembersPage workspaceId={members.useParams().ws} />;
}

export function SettingsRoute() {
  const { ws } = settings.useParams();
  return <WorkspaceSettingsPage key={ws} workspaceId={ws} />;
}

export function FilesRoute() {
  const { ws } = files.useParams();
  return <FilesPage key={ws} workspaceId={ws} />;
}

export function CredentialsRoute() {
  return <CredentialsPage workspaceId={credentials.useParams().ws} />;
}

export function MeRoute() {
  return <MePage />;
}
