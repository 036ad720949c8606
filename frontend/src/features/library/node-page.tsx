import { Button, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { EmptyState } from "@/components/empty-state";
import { JsonView } from "@/components/json-view";
import { NodeTile } from "@/components/node-tile";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { useText } from "@/i18n";
import type { Json, NodeSpec } from "@/lib/api";
import { useLocal } from "@/lib/local-text";
import { nodeTypesQuery } from "@/lib/node-types";
import { useRights } from "@/lib/workspaces";
import { FieldTable } from "./components/field-table";
import { NodeFacts } from "./components/node-facts";
import { PortTable } from "./components/port-table";
import { TryNode } from "./components/try-node";
import classes from "./library.module.css";
import { libraryText } from "./text";

export function NodePage({ workspaceId, type }: { workspaceId: string; type: string }) {
  const t = useText(libraryText);
  const local = useLocal();
  const query = useQuery(nodeTypesQuery(workspaceId));
  const spec = query.data?.find((item) => item.id === type || item.id === type.toLowerCase());
  return (
    <Page
      title={spec ? local(spec.name) : type}
      parent={{ label: t("title"), to: `/w/${workspaceId}/library` }}
      aside={spec && <NodeTile icon={spec.icon} category={spec.category} />}
    >
      <QueryView
        query={query}
        skeleton={<Skeleton height={320} radius={8} />}
        isEmpty={() => spec === undefined}
        empty={
          <EmptyState
            icon="search"
            title={t("gone.title")}
            action={
              <Button component={Link} to={`/w/${workspaceId}/library`} variant="default">
                {t("gone.back")}
              </Button>
            }
          >
            {t("gone.lead")}
          </EmptyState>
        }
      >
        {() => spec && <NodeBody workspaceId={workspaceId} spec={spec} />}
      </QueryView>
    </Page>
  );
}

function NodeBody({ workspaceId, spec }: { workspaceId: string; spec: NodeSpec }) {
  const t = useText(libraryText);
  const local = useLocal();
  const { canEdit } = useRights(workspaceId);
  return (
    <div className={classes.one}>
      <div>
        <p className={classes.lead}>{local(spec.description)}</p>
        <h2>{t("inputs")}</h2>
        <PortTable label={t("inputs")} ports={spec.inputs} />
        <h2>{t("settings")}</h2>
        <FieldTable fields={spec.config} />
        <h2>{t("outputs")}</h2>
        <PortTable label={t("outputs")} ports={spec.outputs} />
        <h2>{t("example")}</h2>
        <Example spec={spec} />
        <h2>{t("try")}</h2>
        <TryNode key={`${spec.id} ${spec.version}`} workspaceId={workspaceId} spec={spec} canTry={canEdit} />
      </div>
      <aside>
        <NodeFacts workspaceId={workspaceId} spec={spec} />
      </aside>
    </div>
  );
}

function Example({ spec }: { spec: NodeSpec }) {
  const t = useText(libraryText);
  const { example } = spec;
  const parts = (
    [
      ["example.config", example?.config],
      ["example.inputs", example?.inputs],
      ["example.outputs", example?.outputs],
    ] as const
  ).filter(([, value]) => value !== undefined && Object.keys(value).length > 0);
  if (parts.length === 0) return <p className="muted">{t("example.none")}</p>;
  return (
    <div className={classes.parts}>
      {parts.map(([name, value]) => (
        <div key={name}>
          <h3>{t(name)}</h3>
          <JsonView value={value as Json} label={t(name)} />
        </div>
      ))}
    </div>
  );
}
