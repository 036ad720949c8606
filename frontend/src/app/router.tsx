/** Every page and its address. The only place that knows all features; each page is a chunk of its own. */
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { isRunState, type RunFilters } from "@/features/runs/filters";
import { chooseLanguage, hasStoredLanguage, isLanguage } from "@/i18n";
import type { Session } from "@/lib/api";
import { usePreferences } from "@/lib/preferences";
import { sessionQuery } from "@/lib/session";
import { workspacesQuery } from "@/lib/workspaces";
import { BrokenPage, LoadingPage, MissingPage } from "./fallback-pages";
import { Shell } from "./shell/shell";

type Context = { queryClient: QueryClient };

const textParameter = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

function followPerson({ person }: Session): void {
  if (person && !hasStoredLanguage() && isLanguage(person.language)) chooseLanguage(person.language, false);
}

const rootRoute = createRootRouteWithContext<Context>()({
  component: Outlet,
  beforeLoad: async ({ context }) => {
    const session = await context.queryClient.ensureQueryData(sessionQuery);
    followPerson(session);
    return { session };
  },
});

const signInRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { next?: string | undefined } => ({
    next: textParameter(search.next),
  }),
  beforeLoad: ({ context }) => {
    if (context.session.instance.needs_owner) throw redirect({ to: "/sign-up" });
    if (context.session.authenticated) throw redirect({ to: "/" });
  },
  component: lazyRouteComponent(() => import("./auth-routes"), "SignInRoute"),
});

const signUpRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/sign-up",
  validateSearch: (search: Record<string, unknown>): { invitation?: string | undefined } => ({
    invitation: textParameter(search.invitation),
  }),
  beforeLoad: ({ context }) => {
    if (context.session.authenticated) throw redirect({ to: "/" });
  },
  component: lazyRouteComponent(() => import("./auth-routes"), "SignUpRoute"),
});

const resetRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/reset",
  validateSearch: (search: Record<string, unknown>): { key?: string | undefined } => ({
    key: textParameter(search.key),
  }),
  component: lazyRouteComponent(() => import("./auth-routes"), "ResetRoute"),
});

const inviteRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/invite/$token",
  component: lazyRouteComponent(() => import("./auth-routes"), "InvitationRoute"),
});

const sharedRoute = createRoute({
  getParentRoute: () => rootRoute,
  path: "/shared/$token",
  component: lazyRouteComponent(() => import("./shared-route"), "SharedRoute"),
});

/** Everything behind sign-in, inside the shell. */
const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: "shell",
  beforeLoad: async ({ context, location }) => {
    if (context.session.authenticated) {
      await context.queryClient.ensureQueryData(workspacesQuery);
      return;
    }
    if (context.session.instance.needs_owner) throw redirect({ to: "/sign-up" });
    throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { next: location.href } });
  },
  component: Shell,
});

const homeRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/",
  beforeLoad: async ({ context }) => {
    const workspaces = await context.queryClient.ensureQueryData(workspacesQuery);
    const last = usePreferences.getState().lastWorkspaceId;
    const target = workspaces.find((workspace) => workspace.id === last) ?? workspaces[0];
    if (target) throw redirect({ to: "/w/$ws/flows", params: { ws: target.id }, replace: true });
  },
  component: lazyRouteComponent(() => import("./no-workspace-page"), "NoWorkspacePage"),
});

const workspaceRoute = createRoute({ getParentRoute: () => shellRoute, path: "/w/$ws", component: Outlet });

const workspaceHomeRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/",
  beforeLoad: ({ params }) => {
    throw redirect({ to: "/w/$ws/flows", params, replace: true });
  },
});

const flowsRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/flows",
  validateSearch: (search: Record<string, unknown>): { new?: boolean | undefined } => ({
    new: search.new === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => import("./flow-routes"), "FlowListRoute"),
});

const editorRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/flows/$flow",
  validateSearch: (
    search: Record<string, unknown>,
  ): { run?: string | undefined; thread?: string | undefined } => ({
    run: textParameter(search.run),
    thread: textParameter(search.thread),
  }),
  component: lazyRouteComponent(() => import("./editor-route"), "EditorRoute"),
});

const historyRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/flows/$flow/history",
  component: lazyRouteComponent(() => import("./history-route"), "HistoryRoute"),
});

const runsRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/runs",
  validateSearch: (search: Record<string, unknown>): RunFilters => ({
    flow: textParameter(search.flow),
    state: isRunState(search.state) ? search.state : undefined,
  }),
  component: lazyRouteComponent(() => import("./run-routes"), "RunListRoute"),
});

const runRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/runs/$run",
  component: lazyRouteComponent(() => import("./run-routes"), "RunRoute"),
});

const approvalsRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/approvals",
  component: lazyRouteComponent(() => import("./run-routes"), "ApprovalsRoute"),
});

const membersRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/members",
  component: lazyRouteComponent(() => import("./workspace-routes"), "MembersRoute"),
});

const settingsRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/settings",
  component: lazyRouteComponent(() => import("./workspace-routes"), "SettingsRoute"),
});

const filesRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/files",
  component: lazyRouteComponent(() => import("./workspace-routes"), "FilesRoute"),
});

const triggersRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/triggers",
  component: lazyRouteComponent(() => import("./workspace-routes"), "TriggersRoute"),
});

const credentialsRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/credentials",
  component: lazyRouteComponent(() => import("./workspace-routes"), "CredentialsRoute"),
});

const variablesRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/variables",
  component: lazyRouteComponent(() => import("./workspace-routes"), "VariablesRoute"),
});

const pluginsRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/plugins",
  component: lazyRouteComponent(() => import("./workspace-routes"), "PluginsRoute"),
});

const libraryRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/library",
  component: lazyRouteComponent(() => import("./workspace-routes"), "LibraryRoute"),
});

const libraryNodeRoute = createRoute({
  getParentRoute: () => workspaceRoute,
  path: "/library/$type",
  component: lazyRouteComponent(() => import("./workspace-routes"), "LibraryNodeRoute"),
});

const templatesRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/templates",
  component: lazyRouteComponent(() => import("./template-routes"), "TemplateListRoute"),
});

const templateRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/templates/$template",
  component: lazyRouteComponent(() => import("./template-routes"), "TemplateRoute"),
});

const meRoute = createRoute({
  getParentRoute: () => shellRoute,
  path: "/me",
  component: lazyRouteComponent(() => import("./workspace-routes"), "MeRoute"),
});

const routeTree = rootRoute.addChildren([
  signInRoute,
  signUpRoute,
  resetRoute,
  inviteRoute,
  sharedRoute,
  shellRoute.addChildren([
    homeRoute,
    workspaceRoute.addChildren([
      workspaceHomeRoute,
      flowsRoute,
      editorRoute,
      historyRoute,
      runsRoute,
      runRoute,
      approvalsRoute,
      membersRoute,
      settingsRoute,
      filesRoute,
      triggersRoute,
      credentialsRoute,
      pluginsRoute,
      libraryRoute,
      libraryNodeRoute,
      variablesRoute,
    ]),
    templatesRoute,
    templateRoute,
    meRoute,
  ]),
]);

export function createAppRouter(queryClient: QueryClient) {
  return createRouter({
    routeTree,
    context: { queryClient },
    defaultPreload: "intent",
    defaultPendingComponent: LoadingPage,
    defaultPendingMs: 400,
    defaultErrorComponent: BrokenPage,
    defaultNotFoundComponent: MissingPage,
    scrollRestoration: true,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
