import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { Gallery, NothingFound } from "@/components/gallery";
import { nodeIcon } from "@/components/node-tile";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { useText } from "@/i18n";
import type { Category, NodeSpec } from "@/lib/api";
import { nodeTypesQuery } from "@/lib/node-types";
import { NodeCard } from "./components/node-card";
import classes from "./library.module.css";
import { libraryText } from "./text";

const categories: readonly Category[] = [
  "trigger",
  "source",
  "processing",
  "ai",
  "control",
  "output",
  "utility",
  "service",
];
type Choice = Category | "all";

function matches(spec: NodeSpec, search: string, choice: Choice): boolean {
  if (choice !== "all" && spec.category !== choice) return false;
  const words = `${spec.id} ${spec.name.en} ${spec.name.zh} ${spec.description.en} ${spec.description.zh}`;
  return search
    .toLocaleLowerCase()
    .split(/\s+/)
    .every((word) => words.toLocaleLowerCase().includes(word));
}

export function LibraryPage({ workspaceId }: { workspaceId: string }) {
  const t = useText(libraryText);
  const query = useQuery(nodeTypesQuery(workspaceId));
  const [search, setSearch] = useState("");
  const [choice, setChoice] = useState<Choice>("all");
  const all = query.data ?? [];
  const found = useMemo(
    () => (query.data ?? []).filter((spec) => matches(spec, search.trim(), choice)),
    [query.data, search, choice],
  );
  const clear = () => {
    setSearch("");
    setChoice("all");
  };
  return (
    <Page flush title={t("title")} toolbar={<span className="muted">{t("lead")}</span>}>
      <Gallery
        heading={t("categories")}
        categories={(["all", ...categories] as const).map((id) => ({
          id,
          name: id === "all" ? t("all") : t(`category.${id}`),
          icon: id === "all" ? "grid" : nodeIcon(undefined, id),
          count: all.filter((spec) => matches(spec, "", id)).length,
        }))}
        choice={choice}
        onChoose={setChoice}
        search={search}
        onSearch={setSearch}
        searchLabel={t("search")}
      >
        <QueryView query={query} skeleton={<CardsSkeleton />}>
          {() =>
            found.length === 0 ? (
              <NothingFound title={t("nothing.title")} clearLabel={t("nothing.clear")} onClear={clear} />
            ) : (
              <div className={classes.cards}>
                {found.map((spec) => (
                  <NodeCard key={spec.id} workspaceId={workspaceId} spec={spec} />
                ))}
              </div>
            )
          }
        </QueryView>
      </Gallery>
    </Page>
  );
}

function CardsSkeleton() {
  return (
    <div className={classes.cards} aria-busy="true">
      {[1, 2, 3, 4, 5, 6, 7, 8, 9].map((card) => (
        <Skeleton key={card} height={86} radius={8} />
      ))}
    </div>
  );
}
