/** The library of node types: search, categories, drag to the canvas or click to add. */
import { Popover } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { Link } from "@tanstack/react-router";
import { useReactFlow } from "@xyflow/react";
import { type KeyboardEvent, useMemo, useState } from "react";
import { Icon } from "@/components/icon";
import { CATEGORIES, type Category, type NodeSpec } from "@/flow-core";
import { useText } from "@/i18n";
import { useLocalText } from "../../hooks/use-local-text";
import { useCanEdit, useCatalogue, useEditor } from "../../stores/context";
import { editorText } from "../../text";
import { freePlace } from "../canvas/free-place";
import { NODE_MIME, snapped } from "../canvas/grid";
import { CARD_HEIGHT, CARD_WIDTH } from "../canvas/ports";
import { NodeTile } from "../node-icon";
import classes from "./palette.module.css";
import { searchTypes } from "./search";

export function Palette() {
  const narrow = useMediaQuery("(max-width: 1200px)");
  const canEdit = useCanEdit();
  const t = useText(editorText);
  if (!canEdit) return null;
  return (
    <aside className={classes.palette} aria-label={t("palette")} data-narrow={narrow || undefined}>
      {narrow ? <Squares /> : <FullList />}
    </aside>
  );
}

function FullList() {
  const { list } = useCatalogue();
  const { workspaceId } = useEditor();
  const t = useText(editorText);
  const [query, setQuery] = useState("");
  const found = useMemo(() => searchTypes(list, query), [list, query]);
  const add = useAddAtCentre();
  return (
    <>
      <div className={classes.search}>
        <Icon name="search" />
        <input
          type="search"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
          onKeyDown={(event) => onEnter(event, query.trim() ? found[0] : undefined, add)}
          placeholder={t("palette.search", { count: list.length })}
          aria-label={t("palette.search", { count: list.length })}
          data-testid="palette-search"
        />
        <kbd>Tab</kbd>
      </div>
      <div className={classes.body}>
        {query.trim() === "" ? (
          CATEGORIES.map((category) => (
            <CategoryGroup
              key={category}
              category={category}
              specs={list.filter((spec) => spec.category === category)}
            />
          ))
        ) : found.length === 0 ? (
          <p className={classes.nothing}>{t("palette.nothing", { query })}</p>
        ) : (
          found.map((spec) => <PaletteRow key={spec.id} spec={spec} />)
        )}
        <Link to="/w/$ws/library" params={{ ws: workspaceId }} className={classes.library}>
          {t("palette.library")}
        </Link>
      </div>
    </>
  );
}

function CategoryGroup({ category, specs }: { category: Category; specs: readonly NodeSpec[] }) {
  const t = useText(editorText);
  const [open, setOpen] = useState(true);
  if (specs.length === 0) return null;
  return (
    <section className={`cat-${category}`}>
      <button type="button" className={classes.category} aria-expanded={open} onClick={() => setOpen(!open)}>
        <Icon name={open ? "chevron-down" : "chevron-right"} size={12} />
        <span className={classes.swatch} />
        <b>{t(`category.${category}`)}</b>
        <span className="muted num">{specs.length}</span>
      </button>
      {open && specs.map((spec) => <PaletteRow key={spec.id} spec={spec} />)}
    </section>
  );
}

export function PaletteRow({ spec, onAdded }: { spec: NodeSpec; onAdded?: () => void }) {
  const local = useLocalText();
  const add = useAddAtCentre();
  return (
    <button
      type="button"
      className={classes.row}
      draggable
      title={local(spec.description)}
      data-testid={`palette-${spec.id}`}
      onDragStart={(event) => {
        event.dataTransfer.setData(NODE_MIME, spec.id);
        event.dataTransfer.effectAllowed = "copy";
      }}
      onClick={() => {
        add(spec);
        onAdded?.();
      }}
    >
      <NodeTile spec={spec} size={20} />
      <span className="cut">{local(spec.name)}</span>
    </button>
  );
}

/** At 1024 px the library is one square per category; a click opens its nodes. */
function Squares() {
  const { list } = useCatalogue();
  const t = useText(editorText);
  const [open, setOpen] = useState<Category | "all" | null>(null);
  const [query, setQuery] = useState("");
  const add = useAddAtCentre();
  const sections = CATEGORIES.filter((category) => list.some((spec) => spec.category === category));
  return (
    <>
      {(["all", ...sections] as const).map((section) => (
        <Popover
          key={section}
          opened={open === section}
          onChange={(opened) => setOpen(opened ? section : null)}
          position="right-start"
          shadow="md"
          withinPortal
        >
          <Popover.Target>
            <button
              type="button"
              className={section === "all" ? classes.searchSquare : `${classes.square} cat-${section}`}
              aria-label={
                section === "all" ? t("palette.search", { count: list.length }) : t(`category.${section}`)
              }
              title={
                section === "all" ? t("palette.search", { count: list.length }) : t(`category.${section}`)
              }
              onClick={() => setOpen(open === section ? null : section)}
            >
              {section === "all" ? <Icon name="search" /> : <span className={classes.swatch} />}
            </button>
          </Popover.Target>
          <Popover.Dropdown className={classes.flyout ?? ""} p={6}>
            {section === "all" && (
              <div className={classes.search}>
                <Icon name="search" />
                <input
                  type="search"
                  // biome-ignore lint/a11y/noAutofocus: opened to be typed into.
                  autoFocus
                  value={query}
                  aria-label={t("palette.search", { count: list.length })}
                  onChange={(event) => setQuery(event.target.value)}
                  onKeyDown={(event) =>
                    onEnter(event, query.trim() ? searchTypes(list, query)[0] : undefined, (spec) => {
                      add(spec);
                      setOpen(null);
                    })
                  }
                />
              </div>
            )}
            {(section === "all"
              ? searchTypes(list, query)
              : list.filter((spec) => spec.category === section)
            ).map((spec) => (
              <PaletteRow key={spec.id} spec={spec} onAdded={() => setOpen(null)} />
            ))}
          </Popover.Dropdown>
        </Popover>
      ))}
    </>
  );
}

/** Enter in the search adds what was found first, unless it only ends a word of an input method. */
function onEnter(
  event: KeyboardEvent<HTMLInputElement>,
  first: NodeSpec | undefined,
  add: (spec: NodeSpec) => void,
): void {
  if (event.key !== "Enter" || event.nativeEvent.isComposing || !first) return;
  event.preventDefault();
  add(first);
}

function useAddAtCentre(): (spec: NodeSpec) => void {
  const { operations, undo, ui, live } = useEditor();
  const types = useCatalogue();
  const flow = useReactFlow();
  return (spec) => {
    const frame = document.querySelector("[data-testid=canvas]")?.getBoundingClientRect();
    const middle = frame
      ? { x: frame.x + frame.width / 2, y: frame.y + frame.height / 2 }
      : { x: window.innerWidth / 2, y: window.innerHeight / 2 };
    const at = flow.screenToFlowPosition(middle);
    const wanted = snapped([at.x - CARD_WIDTH / 2, at.y - CARD_HEIGHT / 2]);
    const pos = freePlace(wanted, spec.id, live.snapshot.document.nodes, types);
    undo.cut();
    const id = operations.addNode(spec, pos);
    ui.setState({ selected: new Set([id]), selectedEdges: new Set() });
  };
}
