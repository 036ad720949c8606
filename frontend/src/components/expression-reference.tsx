/** The functions of expressions to be searched: what each does, and an example with what it gives. */
import { Modal, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLanguage, useText } from "@/i18n";
import { type ExpressionFunction, functionsQuery, shownResult, spelled } from "@/lib/expressions";
import { commonText } from "./common-text";
import classes from "./expression-reference.module.css";
import { expressionText } from "./expression-text";
import { ProblemBlock } from "./problem-view";
import { SearchBox } from "./search-box";
import { tell } from "./toast";

type Props = { workspaceId: string; opened: boolean; onClose: () => void };

export function ExpressionReference({ workspaceId, opened, onClose }: Props) {
  const t = useText(expressionText);
  const common = useText(commonText);
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t("title")}
      size={720}
      closeButtonProps={{ "aria-label": common("close") }}
    >
      <Functions workspaceId={workspaceId} />
    </Modal>
  );
}

function Functions({ workspaceId }: { workspaceId: string }) {
  const t = useText(expressionText);
  const [search, setSearch] = useState("");
  const query = useQuery(functionsQuery(workspaceId));
  const found = (query.data ?? []).filter((doc) => fits(doc, search));
  const kinds = [...new Set(found.map((doc) => doc.kind))];
  return (
    <div data-testid="expression-reference">
      <p className={classes.lead}>{t("lead", { open: "{{", close: "}}" })}</p>
      <SearchBox label={t("search")} value={search} onChange={setSearch} width={320} />
      <div className={classes.list}>
        {query.error && <ProblemBlock error={query.error} onRetry={() => void query.refetch()} />}
        {query.isPending && <Skeleton height={200} />}
        {query.isSuccess && found.length === 0 && <p className={classes.nothing}>{t("nothing")}</p>}
        {kinds.map((kind) => (
          <section key={kind}>
            <h3>{heading(kind, t)}</h3>
            {found
              .filter((doc) => doc.kind === kind)
              .map((doc) => (
                <Entry key={`${doc.kind}.${doc.name}`} doc={doc} />
              ))}
          </section>
        ))}
      </div>
    </div>
  );
}

function Entry({ doc }: { doc: ExpressionFunction }) {
  const t = useText(expressionText);
  const language = useLanguage();
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(doc.example);
    tell(t("copied"));
  };
  return (
    <button type="button" className={classes.entry} title={t("copy")} onClick={() => void copy()}>
      <code>{spelled(doc)}</code>
      <span>{doc[language]}</span>
      <code className={classes.example}>
        {doc.example} → <b>{shownResult(doc.result)}</b>
      </code>
    </button>
  );
}

function fits(doc: ExpressionFunction, search: string): boolean {
  const text = `${spelled(doc)} ${doc.en} ${doc.zh} ${doc.example}`.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

const NAMED = ["text", "list", "number", "object", "date", "boolean", "function"] as const;

function heading(kind: string, t: (key: `kind.${(typeof NAMED)[number]}`) => string): string {
  const named = NAMED.find((one) => one === kind);
  return named ? t(`kind.${named}`) : kind;
}
