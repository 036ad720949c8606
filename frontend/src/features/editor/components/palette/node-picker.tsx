/** A small search list at the pointer: adds a node there, connected to the loose end if there is one. */
import { useMemo, useState } from "react";
import { Icon } from "@/components/icon";
import type { NodeSpec, Point } from "@/flow-core";
import { useText } from "@/i18n";
import { useLocalText } from "../../hooks/use-local-text";
import { useCatalogue, useEditor, useUi } from "../../stores/context";
import type { PickerRequest } from "../../stores/ui-store";
import { editorText } from "../../text";
import { displaced, type Join, joinFor, looseEndType } from "../canvas/connecting";
import { freePlace } from "../canvas/free-place";
import { CARD_HEIGHT, CARD_WIDTH } from "../canvas/ports";
import { NodeTile } from "../node-icon";
import classes from "./node-picker.module.css";
import { searchTypes } from "./search";

export function NodePicker() {
  const request = useUi((state) => state.picker);
  return request ? <OpenPicker request={request} /> : null;
}

function OpenPicker({ request }: { request: PickerRequest }) {
  const { ui } = useEditor();
  const t = useText(editorText);
  const local = useLocalText();
  const [query, setQuery] = useState("");
  const [active, setActive] = useState(0);
  const choices = useChoices(request, query);
  const add = useAdd(request);
  const close = (): void => ui.setState({ picker: null });
  const left = Math.min(request.screen[0] + 4, window.innerWidth - 268);
  const top = Math.min(request.screen[1] - 8, window.innerHeight - 348);
  return (
    <>
      <button
        type="button"
        className={classes.backdrop}
        aria-label={t("close")}
        onClick={close}
        tabIndex={-1}
      />
      <div
        className={classes.picker}
        style={{ left, top: Math.max(56, top) }}
        role="dialog"
        aria-label={t("picker")}
        onBlur={({ currentTarget, relatedTarget }) => {
          if (relatedTarget && !currentTarget.contains(relatedTarget)) close();
        }}
      >
        <div className={classes.search}>
          <Icon name="search" />
          <input
            // biome-ignore lint/a11y/noAutofocus: the picker opens to be typed into.
            autoFocus
            value={query}
            placeholder={t(request.from ? "picker.fitting" : "picker.search")}
            aria-label={t("picker.search")}
            data-testid="picker-search"
            role="combobox"
            aria-expanded="true"
            aria-controls="node-picker-list"
            aria-activedescendant={choices[active] ? optionId(choices[active]) : undefined}
            onChange={(event) => {
              setQuery(event.target.value);
              setActive(0);
            }}
            onKeyDown={(event) => {
              event.stopPropagation();
              const choice = choices[active];
              if (event.key === "Escape") close();
              else if (event.key === "ArrowDown") setActive(Math.min(active + 1, choices.length - 1));
              else if (event.key === "ArrowUp") setActive(Math.max(active - 1, 0));
              else if (event.key === "Enter" && choice) add(choice);
              else return;
              event.preventDefault();
            }}
          />
        </div>
        <div
          className={classes.list}
          id="node-picker-list"
          role="listbox"
          aria-label={t("picker")}
          tabIndex={-1}
        >
          {choices.length === 0 && <p className={classes.nothing}>{t("picker.nothing")}</p>}
          {choices.map((choice, index) => (
            <button
              key={choice.spec.id}
              id={optionId(choice)}
              ref={index === active ? intoView : undefined}
              type="button"
              role="option"
              tabIndex={-1}
              aria-selected={index === active}
              className={classes.row}
              data-testid={`picker-${choice.spec.id}`}
              onPointerEnter={() => setActive(index)}
              onClick={() => add(choice)}
            >
              <NodeTile spec={choice.spec} size={24} />
              <span className={classes.words}>
                <b>{local(choice.spec.name)}</b>
                <span className="cut">{local(choice.spec.description)}</span>
              </span>
            </button>
          ))}
        </div>
      </div>
    </>
  );
}

function intoView(row: HTMLElement | null): void {
  row?.scrollIntoView({ block: "nearest" });
}

function optionId({ spec }: PickerChoice): string {
  return `node-picker-${spec.id}`;
}

type PickerChoice = { spec: NodeSpec; join: Join | null };

function useChoices({ from }: PickerRequest, query: string): PickerChoice[] {
  const { live } = useEditor();
  const types = useCatalogue();
  return useMemo(() => {
    const looseType = from ? looseEndType(from, live.snapshot, types) : undefined;
    const choices = searchTypes(types.list, query).flatMap((spec): PickerChoice[] => {
      if (!from) return [{ spec, join: null }];
      const join = joinFor(spec, from, looseType);
      return join ? [{ spec, join }] : [];
    });
    return choices.sort((a, b) => (a.join?.rank ?? 0) - (b.join?.rank ?? 0));
  }, [from, query, live, types]);
}

function useAdd(request: PickerRequest): (choice: PickerChoice) => void {
  const { operations, undo, ui, live } = useEditor();
  const types = useCatalogue();
  return ({ spec, join }) => {
    const [x, y] = request.at;
    const back = request.from?.side === "target" ? CARD_WIDTH : 0;
    const wanted: Point = [x - back, y - CARD_HEIGHT / 2];
    const pos = freePlace(wanted, spec.id, live.snapshot.document.nodes, types, request.parent);
    undo.cut();
    const id = operations.addConnectedNode(
      spec,
      pos,
      (node) => {
        const ends = join?.ends(node) ?? null;
        if (ends) operations.remove({ edges: displaced(ends, live.snapshot, types) });
        return ends;
      },
      request.parent,
    );
    ui.setState({ picker: null, selected: new Set([id]), selectedEdges: new Set() });
  };
}
