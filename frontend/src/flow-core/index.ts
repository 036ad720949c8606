/** The flow without a screen: live document, operations, projection, connection. No React here. */
export { ChangeRecorder } from "./change-recorder";
export {
  type Change,
  diffDocuments,
  inverseOf,
  joined,
  nodeOf,
  type Place,
  targetOf,
} from "./changes";
export type { Written } from "./changes-writer";
export { copyText, fragmentOf, fragmentOrigin, parseFragment } from "./clipboard";
export type { Connection, FinalReason } from "./connection";
export * from "./containers";
export { deviceStore, finished } from "./device-database";
export {
  type EdgeEnds,
  edgeId,
  FLOW_SCHEMA,
  type FlowEdge,
  type FlowInput,
  type FlowNode,
  type FlowNote,
  type NoteShape,
  noteShape,
  type Point,
} from "./document";
export type { Notice, Role, ServerChange } from "./frames";
export { isObject, type Json, type JsonObject, sameJson } from "./json";
export { containersOf, lifted } from "./levels";
export { LiveFlow, type LiveSnapshot } from "./live-flow";
export * from "./node-spec";
export { FlowOperations, type Fragment, LocalOrigin, type NodeKey } from "./operations";
export { parsePatch, toPatch } from "./patch-text";
export {
  type HeldReason,
  MemoryPendingStore,
  type PendingStore,
  type PendingUpdate,
  pendingStoreFor,
} from "./pending-store";
export { connectable, type PortLook, portLook } from "./port-types";
export {
  type Area,
  colorOf,
  type Drag,
  type Peer,
  type Presence,
  PresenceSender,
  type PresenceUser,
  peersOf,
  personColor,
} from "./presence";
export {
  type FlowDocument,
  type MultiplePort,
  type ProblemCode,
  type Projection,
  type ProjectionProblem,
  project,
} from "./projection";
export { FlowProvider } from "./provider";
export { deletionOf, type FlowRoots, rootsOf, sharedText } from "./schema";
export { type Tidied, tidied } from "./tidy";
export { FlowUndo, type UndoMemory, UndoOrigin, type UndoState } from "./undo";
