import { useIssueIndex } from "../hooks/use-issue-index";
import { useLastRun } from "../hooks/use-last-run";
import { useRunStarter } from "../hooks/use-run-starter";
import { useShortcuts } from "../hooks/use-shortcuts";
import { useCanEdit, useCatalogue, useUi } from "../stores/context";
import { Canvas } from "./canvas/canvas";
import { Drawer } from "./drawer/drawer";
import classes from "./editor-layout.module.css";
import { EmptyCanvas } from "./editor-states";
import { useCodeEditorAhead } from "./inspector/lazy-code-editor";
import { Notices } from "./notices/notices";
import { NodePicker } from "./palette/node-picker";
import { Palette } from "./palette/palette";
import { RunDialog } from "./run-dialog";
import { SelectionSpoken } from "./selection-spoken";
import { RightPanel } from "./side-panel";
import { TopBar } from "./top/top-bar";

export function EditorLayout() {
  useIssueIndex(useCatalogue());
  const canEdit = useCanEdit();
  const drawerOpen = useUi((state) => state.drawerOpen);
  const drawerHeight = useUi((state) => state.drawerHeight);
  const starter = useRunStarter();
  useShortcuts({ onRun: starter.ask });
  useLastRun();
  useCodeEditorAhead();
  return (
    <main
      className={classes.editor}
      data-testid="editor"
      data-palette={canEdit || undefined}
      style={{ "--drawer": drawerOpen ? `${drawerHeight}px` : "37px" } as React.CSSProperties}
    >
      <TopBar onRun={starter.ask} />
      <div className={classes.middle}>
        <Palette />
        <div className={classes.surface}>
          <Canvas />
          <EmptyCanvas />
          <Notices />
        </div>
        <RightPanel />
      </div>
      <Drawer />
      <NodePicker />
      <RunDialog starter={starter} />
      <SelectionSpoken />
    </main>
  );
}
