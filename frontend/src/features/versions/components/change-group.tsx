/** One changed thing with its fields, before and after. */
import { Icon } from "@/components/icon";
import { NodeTile } from "@/components/node-tile";
import { i18n, useLanguage, useText } from "@/i18n";
import type { NodeTypes } from "@/lib/node-types";
import { type FieldChange, type Group, type Sort, shownAs } from "../change-model";
import classes from "../history-page.module.css";
import { versionsText } from "../text";
import { wordDiff } from "../word-diff";

const signs: Record<Sort, string> = { added: "+", changed: "~", removed: "−" };

export function Mark({ sort }: { sort: Sort }) {
  return (
    <span className={classes.mark} data-kind={sort} aria-hidden="true">
      {signs[sort]}
    </span>
  );
}

type Props = { group: Group; types: NodeTypes };

export function ChangeGroup({ group, types }: Props) {
  const t = useText(versionsText);
  const { subject, sort } = group;
  const spec = subject.is === "node" ? types.spec(subject.type) : null;
  return (
    <div className={classes.change}>
      <Mark sort={sort} />
      <div className={classes.subject}>
        {subject.is === "node" && (
          <NodeTile category={types.category(subject.type)} {...(spec ? { icon: spec.icon } : {})} />
        )}
        <span className="sr-only">{t(`kind.${sort}`)}: </span>
        <span className={classes.text} title={subject.is === "node" ? subject.id : undefined}>
          {subject.is === "node" && subject.name}
          {subject.is === "edge" && t("change.connection", { from: subject.from, to: subject.to })}
          {subject.is === "flow" && t("change.flow")}
        </span>
        {group.moved && <span className="muted">{t("change.moved")}</span>}
      </div>
      {group.fields.map((field) => (
        <Field
          key={field.path}
          field={field}
          type={subject.is === "node" ? subject.type : ""}
          types={types}
        />
      ))}
    </div>
  );
}

/** The label the node's own form shows, else our word for it, else the path itself. */
function useFieldLabel(): (path: string, type: string, types: NodeTypes) => string {
  const t = useText(versionsText);
  const language = useLanguage();
  return (path, type, types) => {
    const [root = "", name = ""] = path.split(".");
    const label =
      root === "config" ? types.spec(type)?.config.find((field) => field.name === name)?.label : undefined;
    if (label) return label[language];
    const key = `field.${root}`;
    const known = root !== "config" && i18n.exists(key, { ns: versionsText.name });
    return known ? t(key as Parameters<typeof t>[0]) : path.replace(/^config\./, "");
  };
}

function Field({ field, type, types }: { field: FieldChange; type: string; types: NodeTypes }) {
  const labelOf = useFieldLabel();
  const shown = shownAs(field);
  return (
    <div className={classes.field}>
      <span className="muted">{labelOf(field.path, type, types)}</span>
      {shown.as === "words" ? (
        <Words before={shown.before} after={shown.after} />
      ) : (
        <span className={classes.values}>
          {shown.before !== null && <del className={classes.before}>{shown.before}</del>}
          {shown.before !== null && shown.after !== null && <Icon name="chevron-right" size={12} />}
          {shown.after !== null && <ins className={classes.after}>{shown.after}</ins>}
        </span>
      )}
    </div>
  );
}

function Words({ before, after }: { before: string; after: string }) {
  return (
    <div className={classes.diffText}>
      {wordDiff(before, after).map((piece, index) => {
        // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one fixed difference.
        if (piece.kind === "removed") return <del key={index}>{piece.text}</del>;
        // biome-ignore lint/suspicious/noArrayIndexKey: the pieces of one fixed difference.
        if (piece.kind === "added") return <ins key={index}>{piece.text}</ins>;
        return piece.text;
      })}
    </div>
  );
}
