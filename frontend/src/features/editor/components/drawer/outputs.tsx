/** Outputs of every node of the shown run: a list on the left, the data of one on the right. */
import { StateRing } from "@/components/state-ring";
import { formatDuration, formatNumber, useText } from "@/i18n";
import { useNodeName } from "../../hooks/use-node-name";
import { useEditor, useFlow, useRuns, useUi } from "../../stores/context";
import { type NodeRunView, shownRun } from "../../stores/run-store";
import { select, singleSelection } from "../../stores/ui-store";
import { editorText } from "../../text";
import { DataPane } from "../inspector/data-pane";
import classes from "./drawer.module.css";

export function Outputs() {
  const t = useText(editorText);
  const run = useRuns(shownRun);
  const chosen = useUi(singleSelection);
  const node = useFlow((flow) => (chosen ? flow.nodesById.get(chosen) : undefined));
  if (!run) return <p className={classes.empty}>{t("timeline.none")}</p>;
  return (
    <div className={classes.outputs}>
      <div className={classes.outputList} role="listbox" aria-label={t("drawer.outputs")}>
        {[...run.nodes].map(([id, view]) => (
          <OutputRow key={id} id={id} view={view} chosen={id === chosen} />
        ))}
      </div>
      <div className={classes.outputData}>
        {node ? (
          <DataPane node={node} side="output" />
        ) : (
          <p className={classes.empty}>{t("outputs.choose")}</p>
        )}
      </div>
    </div>
  );
}

function OutputRow({ id, view, chosen }: { id: string; view: NodeRunView; chosen: boolean }) {
  const { ui } = useEditor();
  const name = useNodeName(id) || id;
  return (
    <button
      type="button"
      role="option"
      aria-selected={chosen}
      className={classes.outputRow}
      onClick={() => select(ui, [id])}
    >
      <StateRing state={view.cached ? "cached" : view.state} size={13} />
      <span className="cut">{name}</span>
      <span className="muted num">
        {[
          view.items !== null && formatNumber(view.items),
          view.durationMs !== null && formatDuration(view.durationMs),
        ]
          .filter(Boolean)
          .join(" · ")}
      </span>
    </button>
  );
}
