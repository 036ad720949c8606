import { getRouteApi } from "@tanstack/react-router";
import { TemplateListPage } from "@/features/templates/template-list-page";
import { TemplatePage } from "@/features/templates/template-page";
import { usePreferences } from "@/lib/preferences";

const one = getRouteApi("/shell/templates/$template");

export function TemplateListRoute() {
  return <TemplateListPage />;
}

export function TemplateRoute() {
  const lastWorkspaceId = usePreferences((state) => state.lastWorkspaceId);
  return <TemplatePage templateId={one.useParams().template} preferredWorkspaceId={lastWorkspaceId} />;
}
