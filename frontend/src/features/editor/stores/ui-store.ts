/** Interface state of one open flow: selection, panels, what is being dragged. Never saved. */
import { createStore } from "zustand/vanilla";
import type { Point } from "@/flow-core";

export type InspectorTab = "parameters" | "input" | "output";
export type DrawerTab = "problems" | "timeline" | "logs" | "outputs" | "optimiser" | "debugger";

export type SidePanel = "comments" | "activity";

/** A place for a thread; with a node, counted from that node's corner. */
export type ThreadPlace = { at: Point; node: string | null };

/** Where a picker was opened, and the loose end it should connect. */
export type PickerRequest = {
  /** Canvas position of the new node. */
  at: Point;
  /** The container it is to lie in. */
  parent?: string | undefined;
  /** Page position of the picker. */
  screen: Point;
  from?: { node: string; port: string; side: "source" | "target" };
};

export type UiState = {
  selected: ReadonlySet<string>;
  selectedEdges: ReadonlySet<string>;
  /** Positions of a drag of one's own in flight. */
  dragging: ReadonlyMap<string, Point> | null;
  /** Sizes of a container being resized. */
  resizing: ReadonlyMap<string, Point> | null;
  /** The container a drag would drop into. */
  dropInto: string | null;
  tool: "pointer" | "hand" | "comment";
  picker: PickerRequest | null;
  renaming: string | null;
  editingNote: string | null;
  inspectorTab: InspectorTab;
  drawerOpen: boolean;
  drawerTab: DrawerTab;
  drawerHeight: number;
  runDialogOpen: boolean;
  /** Whether the run that is being started is to be debugged. */
  debugNextRun: boolean;
  /** The field a problem or diagnosis points at, to be scrolled to and focused. */
  focusField: { node: string; field: string } | null;
  /** What stands in the inspector's place. */
  side: SidePanel | null;
  /** The thread of comments that is open on the canvas. */
  openThread: string | null;
  /** Where a new thread is being written. */
  newThread: ThreadPlace | null;
  /** Where the canvas came to rest; null before it was first moved. */
  viewport: { x: number; y: number; zoom: number } | null;
};

const EMPTY: ReadonlySet<string> = new Set();

/** What stays on the screen when the document has to be opened anew. */
export type KeptUi = Partial<
  Pick<
    UiState,
    "selected" | "inspectorTab" | "drawerOpen" | "drawerTab" | "drawerHeight" | "side" | "viewport"
  >
>;

export function keptUi(state: UiState): KeptUi {
  const { selected, inspectorTab, drawerOpen, drawerTab, drawerHeight, side, viewport } = state;
  return { selected, inspectorTab, drawerOpen, drawerTab, drawerHeight, side, viewport };
}

export function createUiStore(kept: KeptUi = {}) {
  return createStore<UiState>()(() => ({
    selected: EMPTY,
    selectedEdges: EMPTY,
    dragging: null,
    resizing: null,
    dropInto: null,
    tool: "pointer",
    picker: null,
    renaming: null,
    editingNote: null,
    inspectorTab: "parameters",
    drawerOpen: false,
    drawerTab: "problems",
    drawerHeight: 221,
    runDialogOpen: false,
    debugNextRun: false,
    focusField: null,
    side: null,
    openThread: null,
    newThread: null,
    viewport: null,
    ...kept,
  }));
}

export type UiStore = ReturnType<typeof createUiStore>;

/** The only selected node, when there is exactly one. */
export function singleSelection(state: UiState): string | null {
  if (state.selected.size !== 1) return null;
  return state.selected.values().next().value ?? null;
}

export function select(store: UiStore, nodes: Iterable<string>, edges: Iterable<string> = []): void {
  store.setState({ selected: new Set(nodes), selectedEdges: new Set(edges) });
}
