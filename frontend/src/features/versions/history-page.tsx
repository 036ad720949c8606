/** The versions of a flow, and what changed between two of them. */
import { Button, Select, Skeleton, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { EmptyState } from "@/components/empty-state";
import { Icon } from "@/components/icon";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { useText } from "@/i18n";
import type { Version, VersionPage } from "@/lib/api";
import { useRights } from "@/lib/workspaces";
import { type Against, flowQuery, versionsQuery } from "./api";
import { ChangeList } from "./components/change-list";
import { CommitDialog, PublishDialog, RollbackDialog } from "./components/version-dialogs";
import { VersionList } from "./components/version-list";
import classes from "./history-page.module.css";
import { versionsText } from "./text";

export type PublishTemplateProps = {
  flowId: string;
  flowName: string;
  version: number | null;
  onClose: () => void;
};

type Props = {
  workspaceId: string;
  flowId: string;
  /** Publishing to the gallery belongs to another feature; the route brings them together. */
  renderPublishTemplate: (props: PublishTemplateProps) => ReactNode;
};
type Open = "commit" | "rollback" | "publish" | "template" | null;

export function HistoryPage({ workspaceId, flowId, renderPublishTemplate }: Props) {
  const t = useText(versionsText);
  const { canEdit, canManage } = useRights(workspaceId);
  const flow = useQuery(flowQuery(workspaceId, flowId)).data;
  const query = useQuery(versionsQuery(workspaceId, flowId));
  const [chosen, setChosen] = useState<number | null>(null);
  const [open, setOpen] = useState<Open>(null);
  const close = () => setOpen(null);
  const versions = query.data?.items ?? [];
  const version = versions.find((item) => item.number === chosen) ?? versions[0] ?? null;
  const nothingNew = query.data !== undefined && versions.length > 0 && !query.data.draft_changed;
  const isDraft = nothingNew && version?.number === versions[0]?.number;
  return (
    <Page
      flush
      parent={{ label: flow?.name ?? "…", to: `/w/${workspaceId}/flows/${flowId}` }}
      title={t("title")}
      actions={
        <>
          {canManage && version && (
            <Button
              variant="default"
              leftSection={<Icon name="templates" />}
              onClick={() => setOpen("template")}
            >
              {t("template")}
            </Button>
          )}
          {canEdit && version && !isDraft && (
            <Button variant="default" leftSection={<Icon name="undo" />} onClick={() => setOpen("rollback")}>
              {t("rollback", { number: version.number })}
            </Button>
          )}
          {canManage && version && !version.published && (
            <Button variant="default" onClick={() => setOpen("publish")}>
              {t("publish", { number: version.number })}
            </Button>
          )}
          {canEdit && query.data && (
            <Tooltip label={t("commit.same", { number: versions[0]?.number ?? 0 })} disabled={!nothingNew}>
              <Button
                leftSection={<Icon name="check" />}
                data-disabled={nothingNew}
                aria-disabled={nothingNew}
                onClick={() => !nothingNew && setOpen("commit")}
              >
                {t("commit")}
              </Button>
            </Tooltip>
          )}
        </>
      }
    >
      <QueryView query={query} skeleton={<HistorySkeleton />}>
        {(page) =>
          version === null ? (
            <NoVersions canEdit={canEdit} onCommit={() => setOpen("commit")} />
          ) : (
            <History
              workspaceId={workspaceId}
              flowId={flowId}
              page={page}
              version={version}
              onChoose={setChosen}
            />
          )
        }
      </QueryView>
      {open === "commit" && query.data && (
        <CommitDialog
          workspaceId={workspaceId}
          flowId={flowId}
          page={query.data}
          onClose={close}
          onDone={setChosen}
        />
      )}
      {open === "rollback" && version && (
        <RollbackDialog workspaceId={workspaceId} flowId={flowId} number={version.number} onClose={close} />
      )}
      {open === "publish" && version && (
        <PublishDialog workspaceId={workspaceId} flowId={flowId} number={version.number} onClose={close} />
      )}
      {open === "template" &&
        version &&
        renderPublishTemplate({
          flowId,
          flowName: flow?.name ?? "",
          version: version.number,
          onClose: close,
        })}
    </Page>
  );
}

type HistoryProps = {
  workspaceId: string;
  flowId: string;
  page: VersionPage;
  version: Version;
  onChoose: (number: number) => void;
};

function History({ workspaceId, flowId, page, version, onChoose }: HistoryProps) {
  const t = useText(versionsText);
  const [picked, setPicked] = useState<Against>("draft");
  const others = page.items.filter((item) => item.number !== version.number);
  const offered: { value: Against; label: string }[] = [
    { value: "draft", label: t("against.draft") },
    { value: "parent", label: t("against.parent") },
    ...others.map((item) => ({ value: `${item.number}` as const, label: `v${item.number}` })),
  ];
  const against = offered.some((item) => item.value === picked) ? picked : "draft";
  return (
    <div className={classes.columns}>
      <VersionList page={page} chosen={version.number} onChoose={onChoose} />
      <section className={classes.changes}>
        <header className={classes.compare}>
          <span className="muted">{t("compare")}</span>
          <b>v{version.number}</b>
          <span className="muted">{t("with")}</span>
          <Select
            w={170}
            aria-label={`${t("compare")} v${version.number} ${t("with")}`}
            allowDeselect={false}
            value={against}
            data={offered}
            onChange={(value) => value && setPicked(value as Against)}
          />
        </header>
        <ChangeList
          workspaceId={workspaceId}
          flowId={flowId}
          number={version.number}
          parent={version.parent ?? null}
          against={against}
        />
      </section>
    </div>
  );
}

function HistorySkeleton() {
  return (
    <div className={classes.columns}>
      <div className={classes.list}>
        {[1, 2, 3, 4].map((row) => (
          <Skeleton key={row} height={52} mb={10} />
        ))}
      </div>
      <div className={classes.changes} />
    </div>
  );
}

function NoVersions({ canEdit, onCommit }: { canEdit: boolean; onCommit: () => void }) {
  const t = useText(versionsText);
  return (
    <EmptyState
      icon="history"
      title={t("empty.title")}
      action={canEdit && <Button onClick={onCommit}>{t("commit")}</Button>}
    >
      {t(canEdit ? "empty.lead" : "empty.viewer")}
    </EmptyState>
  );
}
