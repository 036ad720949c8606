/** Who did what to this flow and when, in the inspector's place; goes on while people work. */
import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Icon } from "@/components/icon";
import { PersonAvatar } from "@/components/person-avatar";
import { ProblemNote } from "@/components/problem-view";
import { StateLabel } from "@/components/state-ring";
import { formatFullTime, formatTime, useText } from "@/i18n";
import type { Activity } from "@/lib/api";
import { activityKey, activityQuery } from "../../api/activity";
import { flowRunsQuery } from "../../api/queries";
import type { RunSummary } from "../../api/types";
import { useLocalText } from "../../hooks/use-local-text";
import { useCatalogue, useEditor } from "../../stores/context";
import { SidePanelFrame } from "../side-panel-frame";
import classes from "./activity.module.css";
import { changeWords, didWords, type Naming } from "./change-words";
import { entriesOf } from "./entries";
import { activityText } from "./text";

/** Asking replays the journal: while people write, this often is often enough. */
const REST_MS = 3_000;
const SHOWN = 4;

export function ActivityPanel() {
  const t = useText(activityText);
  const { workspaceId, flowId } = useEditor();
  useFresh();
  const query = useInfiniteQuery(activityQuery(workspaceId, flowId));
  const runs = useQuery(flowRunsQuery(workspaceId, flowId)).data ?? [];
  const activities = query.data?.pages.flatMap((page) => page.items) ?? [];
  const entries = entriesOf(activities, runs, !query.hasNextPage);
  return (
    <SidePanelFrame title={t("title")} testId="activity-panel">
      {query.error && <ProblemNote error={query.error} />}
      {query.data && entries.length === 0 && <p className={classes.empty}>{t("empty")}</p>}
      <ol className={classes.feed}>
        {entries.map((entry) =>
          entry.kind === "run" ? (
            <RunEntry key={entry.run.id} run={entry.run} />
          ) : (
            <ActivityEntry key={entry.activity.id} activity={entry.activity} />
          ),
        )}
      </ol>
      {query.hasNextPage && (
        <div className={classes.more}>
          <Button
            size="xs"
            variant="default"
            loading={query.isFetchingNextPage}
            onClick={() => void query.fetchNextPage()}
          >
            {t("more")}
          </Button>
        </div>
      )}
    </SidePanelFrame>
  );
}

/** Reads again a moment after the document changed, and when the room says so. */
function useFresh(): void {
  const { live, provider, workspaceId, flowId } = useEditor();
  const queryClient = useQueryClient();
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | null = null;
    const read = (): void => {
      timer = null;
      void queryClient.invalidateQueries({ queryKey: activityKey(workspaceId, flowId) });
    };
    const soon = (): void => {
      timer ??= setTimeout(read, REST_MS);
    };
    const stops = [live.subscribe(soon), provider.onNews((topic) => topic === "activity" && read())];
    return () => {
      if (timer) clearTimeout(timer);
      for (const stop of stops) stop();
    };
  }, [live, provider, queryClient, workspaceId, flowId]);
}

function useNaming(): Naming {
  const { live } = useEditor();
  const types = useCatalogue();
  const local = useLocalText();
  return {
    type: (type) => local(types.get(type)?.name) || type,
    field: (node, name) => {
      const spec = types.get(live.snapshot.nodesById.get(node)?.type ?? "");
      return local(spec?.config.find((field) => field.name === name)?.label) || name;
    },
  };
}

type Who = { name: string; color: number };

function Frame({
  who,
  did,
  at,
  children,
}: {
  who: Who;
  did: string;
  at: string;
  children?: React.ReactNode;
}) {
  return (
    <li className={classes.entry} data-testid="activity">
      <PersonAvatar person={who} size={22} />
      <div className={classes.told}>
        <p>
          <b>{who.name}</b> {did}
        </p>
        {children}
        <time dateTime={at} title={formatFullTime(at)}>
          {formatTime(at)}
        </time>
      </div>
    </li>
  );
}

function RunEntry({ run }: { run: RunSummary }) {
  const t = useText(activityText);
  const { workspaceId } = useEditor();
  return (
    <Frame
      who={run.created_by ?? { name: t("server"), color: 8 }}
      did={t("run", { number: run.number })}
      at={run.created_at}
    >
      <Link to="/w/$ws/runs/$run" params={{ ws: workspaceId, run: run.id }} className={classes.run}>
        <StateLabel state={run.state} />
      </Link>
    </Frame>
  );
}

function ActivityEntry({ activity }: { activity: Activity }) {
  const t = useText(activityText);
  const naming = useNaming();
  const [isWhole, setWhole] = useState(false);
  if (activity.kind === "compacted") return <Gap activity={activity} />;
  const lines = changeWords(activity.changes, t, naming);
  const shown = isWhole ? lines : lines.slice(0, SHOWN);
  const rest = lines.length - shown.length;
  return (
    <Frame
      who={activity.person ?? { name: t("former"), color: 8 }}
      did={didWords(activity, t)}
      at={activity.ended_at}
    >
      {activity.kind === "edited" && activity.summary && (
        <span className={classes.summary}>{activity.summary}</span>
      )}
      {activity.kind === "version_committed" && (
        <span className={classes.summary}>{String(activity.facts.message ?? "")}</span>
      )}
      <ul>
        {shown.map((line) => (
          <li key={line}>{line}</li>
        ))}
        {isWhole && activity.more > 0 && <li>{t("change.rest", { count: activity.more })}</li>}
      </ul>
      {rest > 0 && (
        <button type="button" className={classes.all} onClick={() => setWhole(true)}>
          {t("change.rest", { count: rest + activity.more })} · {t("all")}
        </button>
      )}
    </Frame>
  );
}

function Gap({ activity }: { activity: Activity }) {
  const t = useText(activityText);
  const count = (activity.last_seq ?? 0) - (activity.first_seq ?? 0) + 1;
  return (
    <li className={classes.gap}>
      <Icon name="merge" />
      <div>
        <b>{t("compacted")}</b>
        <p>{t("compacted.lead", { count })}</p>
      </div>
    </li>
  );
}
