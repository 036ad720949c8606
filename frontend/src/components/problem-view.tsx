/** A failure in words: what happened, what to try. As a block in a list's place, or a note in a dialog. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useText } from "@/i18n";
import { asProblem } from "@/lib/api";
import { commonText } from "./common-text";
import { Icon } from "./icon";
import classes from "./problem-view.module.css";

export function ProblemNote({ error }: { error: unknown }) {
  const problem = asProblem(error);
  const loose = problem.fields.filter((field) => field.message !== problem.message);
  return (
    <div className={classes.note} role="alert">
      <Icon name="warning" />
      <div>
        <b>{problem.message}</b>
        {loose.length > 0 && (
          <ul>
            {loose.map((field) => (
              <li key={`${field.path}:${field.code}`}>{field.message}</li>
            ))}
          </ul>
        )}
        {problem.hint && <p>{problem.hint}</p>}
      </div>
    </div>
  );
}

export function ProblemBlock({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const t = useText(commonText);
  const problem = asProblem(error);
  const missing = problem.status === 404;
  return (
    <div className={classes.block} role="alert">
      <Icon name="warning" size={20} className={classes.sign} />
      <h2>{problem.message}</h2>
      {problem.hint && <p>{problem.hint}</p>}
      {problem.requestId && !missing && <p className={classes.request}>{problem.requestId}</p>}
      {missing && (
        <Button component={Link} to="/" variant="default">
          {t("home")}
        </Button>
      )}
      {onRetry && !missing && (
        <Button variant="default" leftSection={<Icon name="retry" />} onClick={onRetry}>
          {t("retry")}
        </Button>
      )}
    </div>
  );
}
