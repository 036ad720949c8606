import type { Category } from "@/lib/api";
import { Icon, type IconName, isIconName } from "./icon";
import classes from "./node-tile.module.css";

const ofCategory: Record<Category, IconName> = {
  trigger: "play",
  source: "database",
  processing: "split",
  ai: "sparkle",
  control: "branch",
  output: "reply",
  utility: "list",
  service: "plug",
};

/** Names that node authors use for what our set draws under another name. */
const alias: Record<string, IconName> = {
  bolt: "play",
  "file-pdf": "file-text",
  scissors: "split",
  cube: "vectors",
  map: "repeat",
  chart: "bars",
  form: "list",
  timer: "clock",
};

export function nodeIcon(icon: string | undefined, category: Category): IconName {
  if (icon === undefined) return ofCategory[category];
  return alias[icon] ?? (isIconName(icon) ? icon : ofCategory[category]);
}

/** The sign itself, when a plug-in's icon is an emoji. */
export function emojiIcon(icon: string | undefined): string | null {
  return icon !== undefined && /^\p{Extended_Pictographic}/u.test(icon) ? icon : null;
}

/** A node's icon on a tint of its category. */
export function NodeTile({
  icon,
  category,
  size = 22,
}: {
  icon?: string;
  category: Category;
  size?: number;
}) {
  return (
    <span className={`${classes.tile} cat-${category}`} style={{ width: size, height: size }}>
      {emojiIcon(icon) ?? <Icon name={nodeIcon(icon, category)} />}
    </span>
  );
}
