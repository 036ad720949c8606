/** What stands in a page's place while it loads, when it broke, and when it does not exist. */
import { Button, Skeleton } from "@mantine/core";
import { type ErrorComponentProps, Link, useRouter } from "@tanstack/react-router";
import { EmptyState } from "@/components/empty-state";
import { ProblemBlock } from "@/components/problem-view";
import { useText } from "@/i18n";
import { ApiProblem } from "@/lib/api";
import classes from "./fallback-pages.module.css";
import { appText } from "./text";

/** The frame of a page with its content still to come: nothing moves when it arrives. */
export function LoadingPage() {
  const t = useText(appText);
  return (
    <output className={classes.loading} aria-label={t("loading")}>
      <div className={classes.bar}>
        <Skeleton height={12} width={120} />
      </div>
      {["40%", "56%", "48%", "62%"].map((width) => (
        <Skeleton key={width} height={12} width={width} ml={14} mt={24} />
      ))}
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
