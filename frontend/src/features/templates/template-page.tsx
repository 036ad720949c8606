import { Button, Skeleton, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { FlowPicture } from "@/components/flow-picture";
import { Icon } from "@/components/icon";
import { NodeTile } from "@/components/node-tile";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { formatDate, useLanguage, useText } from "@/i18n";
import type { TemplateDetail } from "@/lib/api";
import { hasRole, useWorkspaces } from "@/lib/workspaces";
import { templateQuery } from "./api";
import { InstallDialog } from "./components/install-dialog";
import { useGalleryTypes } from "./components/template-card";
import { WithdrawDialog } from "./components/withdraw-dialog";
import classes from "./templates.module.css";
import { templatesText } from "./text";

type Props = { templateId: string; preferredWorkspaceId: string | null };

export function TemplatePage({ templateId, preferredWorkspaceId }: Props) {
  const t = useText(templatesText);
  const query = useQuery(templateQuery(templateId));
  const workspaces = useWorkspaces();
  const [open, setOpen] = useState<"install" | "withdraw" | null>(null);
  const template = query.data;
  const usable = workspaces.filter((workspace) => hasRole(workspace.role, "editor"));
  const mayWithdraw = workspaces.some(
    (workspace) => workspace.id === template?.workspace_id && hasRole(workspace.role, "owner"),
  );
  const close = () => setOpen(null);
  return (
    <Page
      parent={{ label: t("title"), to: "/templates" }}
      title={template?.name ?? t("title")}
      actions={
        template && (
          <>
            {mayWithdraw && (
              <Button variant="default" onClick={() => setOpen("withdraw")}>
                {t("withdraw")}
              </Button>
            )}
            <Tooltip label={t("use.viewer")} disabled={usable.length > 0}>
              <Button
                leftSection={<Icon name="plus" />}
                data-disabled={usable.length === 0}
                aria-disabled={usable.length === 0}
                onClick={() => usable.length > 0 && setOpen("install")}
              >
                {t("use")}
              </Button>
            </Tooltip>
          </>
        )
      }
    >
      <QueryView query={query} skeleton={<TemplateSkeleton />}>
        {(data) => <TemplateBody template={data} />}
      </QueryView>
      {open === "install" && template && (
        <InstallDialog
          template={template}
          workspaces={usable}
          preferredWorkspaceId={preferredWorkspaceId}
          onClose={close}
        />
      )}
      {open === "withdraw" && template && <WithdrawDialog template={template} onClose={close} />}
    </Page>
  );
}

function TemplateSkeleton() {
  return (
    <div className={classes.one}>
      <Skeleton height={340} radius={8} />
      <Skeleton height={180} radius={8} />
    </div>
  );
}

function TemplateBody({ template }: { template: TemplateDetail }) {
  const t = useText(templatesText);
  const types = useGalleryTypes();
  const language = useLanguage();
  return (
    <div className={classes.one}>
      <div>
        <div className={classes.big}>
          <FlowPicture
            definition={template.definition}
            categoryOf={types.category}
            label={t("picture", { name: template.name })}
          />
        </div>
        {template.summary && <p className={classes.lead}>{template.summary}</p>}
        <h2>{t("contents")}</h2>
        <ul className={classes.nodes}>
          {template.definition.nodes.map((node) => {
            const spec = types.spec(node.type);
            return (
              <li key={node.id}>
                <NodeTile category={types.category(node.type)} {...(spec ? { icon: spec.icon } : {})} />
                <span>{node.name || spec?.name[language] || node.type}</span>
                <span>{spec?.name[language] ?? node.type}</span>
              </li>
            );
          })}
        </ul>
      </div>
      <aside className={classes.side}>
        <section className={classes.box}>
          <h2>{t("about")}</h2>
          <dl>
            <dt>{t("about.author")}</dt>
            <dd>{template.author_name || "—"}</dd>
            <dt>{t("about.category")}</dt>
            <dd>{t(`category.${template.category}`)}</dd>
            <dt>{t("about.published")}</dt>
            <dd>{formatDate(template.created_at)}</dd>
            <dt>{t("about.uses")}</dt>
            <dd>{t("uses", { count: template.uses })}</dd>
          </dl>
        </section>
        <Needs template={template} />
      </aside>
    </div>
  );
}

function Needs({ template }: { template: TemplateDetail }) {
  const t = useText(templatesText);
  const { credentials, hosts, unknown_types } = template.requirements;
  const parts = [
    { title: t("needs.credentials"), items: credentials },
    { title: t("needs.hosts"), items: hosts },
    { title: t("needs.unknown"), items: unknown_types },
  ].filter((part) => part.items.length > 0);
  return (
    <section className={classes.box}>
      <h2>{t("needs")}</h2>
      {parts.length === 0 && <p className="muted">{t("needs.nothing")}</p>}
      {parts.map((part) => (
        <div key={part.title}>
          <h3>{part.title}</h3>
          <ul>
            {part.items.map((item) => (
              <li key={item}>{item}</li>
            ))}
          </ul>
        </div>
      ))}
    </section>
  );
}
