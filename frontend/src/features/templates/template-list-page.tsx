import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { EmptyState } from "@/components/empty-state";
import { Gallery, NothingFound } from "@/components/gallery";
import type { IconName } from "@/components/icon";
import { Page } from "@/components/page";
import { QueryView } from "@/components/query-view";
import { useText } from "@/i18n";
import type { Template, TemplateCategory } from "@/lib/api";
import { categories, templatesQuery } from "./api";
import { TemplateCard } from "./components/template-card";
import classes from "./templates.module.css";
import { templatesText } from "./text";

type Choice = TemplateCategory | "all";

const icons: Record<Choice, IconName> = {
  all: "templates",
  ai: "sparkle",
  data: "table",
  integration: "bell",
  other: "grid",
};

function matches(template: Template, search: string, category: Choice): boolean {
  const wanted = search.trim().toLocaleLowerCase();
  const inCategory = category === "all" || template.category === category;
  return inCategory && `${template.name} ${template.summary}`.toLocaleLowerCase().includes(wanted);
}

export function TemplateListPage() {
  const t = useText(templatesText);
  const query = useQuery(templatesQuery);
  const [search, setSearch] = useState("");
  const [category, setCategory] = useState<Choice>("all");
  const all = query.data ?? [];
  const found = all.filter((template) => matches(template, search, category));
  const clear = () => {
    setSearch("");
    setCategory("all");
  };
  return (
    <Page flush title={t("title")}>
      <Gallery
        heading={t("categories")}
        categories={(["all", ...categories] as const).map((id) => ({
          id,
          name: t(`category.${id}`),
          icon: icons[id],
          count: all.filter((template) => matches(template, "", id)).length,
        }))}
        choice={category}
        onChoose={setCategory}
        search={search}
        onSearch={setSearch}
        searchLabel={t("search")}
      >
        <QueryView
          query={query}
          skeleton={<GallerySkeleton />}
          isEmpty={(items) => items.length === 0}
          empty={
            <EmptyState icon="templates" title={t("empty.title")}>
              {t("empty.lead")}
            </EmptyState>
          }
        >
          {() =>
            found.length === 0 ? (
              <NothingFound title={t("nothing.title")} clearLabel={t("nothing.clear")} onClear={clear} />
            ) : (
              <div className={classes.cards}>
                {found.map((template) => (
                  <TemplateCard key={template.id} template={template} />
                ))}
              </div>
            )
          }
        </QueryView>
      </Gallery>
    </Page>
  );
}

function GallerySkeleton() {
  return (
    <div className={classes.cards} aria-busy="true">
      {[1, 2, 3, 4, 5, 6].map((card) => (
        <Skeleton key={card} height={236} radius={8} />
      ))}
    </div>
  );
}
