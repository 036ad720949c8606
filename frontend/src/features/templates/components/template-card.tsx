import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { FlowPicture } from "@/components/flow-picture";
import { useText } from "@/i18n";
import type { Template } from "@/lib/api";
import { useNodeTypes } from "@/lib/node-types";
import { useWorkspaces } from "@/lib/workspaces";
import { templateQuery } from "../api";
import classes from "../templates.module.css";
import { templatesText } from "../text";

/** Node types are read through any workspace of the person: the built-in ones are the same everywhere. */
export function useGalleryTypes() {
  return useNodeTypes(useWorkspaces()[0]?.id ?? "");
}

export function TemplateCard({ template }: { template: Template }) {
  const t = useText(templatesText);
  const detail = useQuery(templateQuery(template.id)).data;
  const types = useGalleryTypes();
  return (
    <Link to="/templates/$template" params={{ template: template.id }} className={classes.card}>
      <span className={classes.picture}>
        {detail && (
          <FlowPicture
            definition={detail.definition}
            categoryOf={types.category}
            label={t("picture", { name: template.name })}
          />
        )}
      </span>
      <span className={classes.about}>
        <b className="cut">{template.name}</b>
        <span className={classes.summary} title={template.summary}>
          {template.summary}
        </span>
        <span className={classes.facts}>
          <span className="cut">{template.author_name}</span>
          <span className={classes.space} />
          {t("nodes", { count: template.node_count })} · {t("uses", { count: template.uses })}
        </span>
      </span>
    </Link>
  );
}
