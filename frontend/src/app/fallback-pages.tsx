/** What stands in a page's place while it loads, when it broke, and when it does not exist. */
import { Button, Loader } from "@mantine/core";
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { EmptyState } from "@/components/empty-state";
import { ProblemBlock } from "@/components/problem-view";
import { useText } from "@/i18n";
import { ApiProblem } from "@/lib/api";
import { appText } from "./text";

export function LoadingPage() {
  const t = useText(appText);
  return (
    <output style={{ display: "grid", placeItems: "center", height: "100%" }} aria-label={t("loading")}>
      <Loader />
    </output>
  );
}

export function MissingPage() {
  const t = useText(appText);
  return (
    <EmptyState
      icon="search"
      title={t("missing.title")}
      action={
        <Button component={Link} to="/" variant="default">
          {t("missing.home")}
        </Button>
      }
    >
      {t("missing.lead")}
    </EmptyState>
  );
}

export function BrokenPage({ error }: ErrorComponentProps) {
  const t = useText(appText);
  const router = useRouter();
  if (error instanceof ApiProblem)
    return <ProblemBlock error={error} onRetry={() => void router.invalidate()} />;
  return (
    <EmptyState
      icon="warning"
      title={t("broken.title")}
      action={<Button onClick={() => window.location.reload()}>{t("broken.reload")}</Button>}
    >
      {t("broken.lead")}
    </EmptyState>
  );
}
