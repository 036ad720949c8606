/** The tile that stands for a node type: its own icon, else its category's, in the category's colour. */
import { Icon, type IconName, isIconName } from "@/components/icon";
import { emojiIcon } from "@/components/node-tile";
import type { Category, NodeSpec } from "@/flow-core";
import classes from "./node-icon.module.css";

const BY_CATEGORY: Record<Category, IconName> = {
  trigger: "chat",
  source: "file",
  processing: "split",
  ai: "sparkle",
  control: "branch",
  output: "reply",
  utility: "code",
  service: "hash",
};

/** Names node authors use for what our set calls otherwise. */
const SYNONYMS: Record<string, IconName> = {
  bolt: "play",
  "file-pdf": "file-text",
  pdf: "file-text",
  scissors: "split",
  cube: "vectors",
  embedding: "vectors",
  map: "repeat",
  chart: "bars",
  retriever: "search-minus",
  llm: "sparkle",
  form: "list",
  timer: "clock",
  agent: "robot",
  send: "mail",
  http: "globe",
  save: "download",
};

export function nodeIconName(spec: NodeSpec | undefined): IconName {
  if (!spec) return "help";
  if (isIconName(spec.icon)) return spec.icon;
  return SYNONYMS[spec.icon] ?? BY_CATEGORY[spec.category];
}

type Props = { spec: NodeSpec | undefined; size?: number };

export function NodeTile({ spec, size = 24 }: Props) {
  return (
    <span
      className={`${classes.tile} cat-${spec?.category ?? "utility"}`}
      style={{
        width: size,
        height: size,
        borderRadius: size > 21 ? "var(--r-m)" : 5,
        // A plug-in's own colour stands for its category's.
        ...(spec?.color ? { ["--cat" as string]: spec.color } : {}),
      }}
    >
      {emojiIcon(spec?.icon) ?? <Icon name={nodeIconName(spec)} size={14} />}
    </span>
  );
}
