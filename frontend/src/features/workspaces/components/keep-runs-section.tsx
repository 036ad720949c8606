import { Button, NumberInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { ProblemNote } from "@/components/problem-view";
import { Section } from "@/components/section";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import type { Workspace } from "@/lib/api";
import { useKeepRunsDays } from "../api";
import { workspacesText } from "../text";
import classes from "../workspace-settings-page.module.css";

/** For how long ended runs are kept; owners set it. */
export function KeepRunsSection({ workspace }: { workspace: Workspace }) {
  const t = useText(workspacesText);
  const keep = useKeepRunsDays(workspace.id);
  const [days, setDays] = useState<number | string>(workspace.keep_runs_days);
  const changed = typeof days === "number" && days !== workspace.keep_runs_days;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (changed) keep.mutate(days, { onSuccess: () => tell(t("settings.saved")) });
  };
  return (
    <Section title={t("settings.keep")} lead={t("settings.keep.lead")}>
      <form onSubmit={submit} className={classes.row}>
        <NumberInput
          label={t("settings.keep.days")}
          value={days}
          min={0}
          max={3650}
          allowDecimal={false}
          onChange={setDays}
        />
        <Button type="submit" loading={keep.isPending} disabled={!changed}>
          {t("settings.keep.save")}
        </Button>
        {keep.error && <ProblemNote error={keep.error} />}
      </form>
    </Section>
  );
}
