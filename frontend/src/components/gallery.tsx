/** A page of cards to choose from: categories on the left, a search above what was found. */
import { Button } from "@mantine/core";
import type { ReactNode } from "react";
import { EmptyState } from "@/components/empty-state";
import { Icon, type IconName } from "@/components/icon";
import { SearchBox } from "@/components/search-box";
import classes from "./gallery.module.css";

export type GalleryCategory<Choice extends string> = {
  id: Choice;
  name: string;
  icon: IconName;
  count: number;
};

type GalleryProps<Choice extends string> = {
  heading: string;
  categories: readonly GalleryCategory<Choice>[];
  choice: Choice;
  onChoose: (choice: Choice) => void;
  search: string;
  onSearch: (search: string) => void;
  searchLabel: string;
  children: ReactNode;
};

export function Gallery<Choice extends string>({
  heading,
  categories,
  choice,
  onChoose,
  search,
  onSearch,
  searchLabel,
  children,
}: GalleryProps<Choice>) {
  return (
    <div className={classes.columns}>
      <nav className={classes.categories} aria-label={heading}>
        <h2>{heading}</h2>
        {categories.map(({ id, name, icon, count }) => (
          <button key={id} type="button" aria-pressed={id === choice} onClick={() => onChoose(id)}>
            <Icon name={icon} />
            <span>{name}</span>
            <span className="num">{count}</span>
          </button>
        ))}
      </nav>
      <div className={classes.found}>
        <div className={classes.tools}>
          <SearchBox value={search} onChange={onSearch} label={searchLabel} width={320} />
        </div>
        {children}
      </div>
    </div>
  );
}

type NothingFoundProps = { title: string; clearLabel: string; onClear: () => void };

export function NothingFound({ title, clearLabel, onClear }: NothingFoundProps) {
  return (
    <EmptyState
      icon="search"
      title={title}
      action={
        <Button variant="default" onClick={onClear}>
          {clearLabel}
        </Button>
      }
    />
  );
}
