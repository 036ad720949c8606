import { getRouteApi } from "@tanstack/react-router";
import { CredentialsPage } from "@/features/credentials/credentials-page";
import { VariablesPage } from "@/features/credentials/variables/variables-page";
import { FilesPage } from "@/features/files/files-page";
import { LibraryPage } from "@/features/library/library-page";
import { NodePage } from "@/features/library/node-page";
import { PluginsPage } from "@/features/plugins/plugins-page";
import { MePage } from "@/features/settings/me-page";
import { TriggersPage } from "@/features/triggers/triggers-page";
import { MembersPage } from "@/features/workspaces/members-page";
import { WorkspaceSettingsPage } from "@/features/workspaces/workspace-settings-page";

const members = getRouteApi("/shell/w/$ws/members");
const settings = getRouteApi("/shell/w/$ws/settings");
const files = getRouteApi("/shell/w/$ws/files");
const triggers = getRouteApi("/shell/w/$ws/triggers");
const credentials = getRouteApi("/shell/w/$ws/credentials");
const variables = getRouteApi("/shell/w/$ws/variables");

const plugins = getRouteApi("/shell/w/$ws/plugins");
const library = getRouteApi("/shell/w/$ws/library");
const libraryNode = getRouteApi("/shell/w/$ws/library/$type");

export function PluginsRoute() {
  return <PluginsPage workspaceId={plugins.useParams().ws} />;
}

export function LibraryRoute() {
  return <LibraryPage workspaceId={library.useParams().ws} />;
}

export function LibraryNodeRoute() {
  const { ws, type } = libraryNode.useParams();
  return <NodePage workspaceId={ws} type={type} />;
}

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

export function TriggersRoute() {
  return <TriggersPage workspaceId={triggers.useParams().ws} />;
}

export function VariablesRoute() {
  return <VariablesPage workspaceId={variables.useParams().ws} />;
}

export function MeRoute() {
  return <MePage />;
}
