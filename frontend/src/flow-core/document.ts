/** The projected flow: the canonical JSON form every reader (canvas, validator, run) works on. */
import type { Json, JsonObject } from "./json";

export const FLOW_SCHEMA = "sage-studio/flow@1";

export type Point = readonly [number, number];

export type FlowNode = {
  id: string;
  type: string;
  version?: string;
  name?: string;
  config: JsonObject;
  pos: Point;
  size?: Point;
  parent?: string;
  disabled?: boolean;
  retry?: JsonObject;
  timeout_s?: number;
  on_error?: string;
  cache?: boolean;
  concurrency?: number;
  executor?: string;
  pinned?: Json;
  notes?: string;
};

export type FlowEdge = {
  id: string;
  source: string;
  source_port: string;
  target: string;
  target_port: string;
};

/** Members may be missing: a note is stored by anyone. `noteShape` fills them in. */
export type FlowNote = { id: string; text?: string; pos?: Point; size?: Point; color?: string };

export type NoteShape = Required<FlowNote>;

export function noteShape(note: FlowNote): NoteShape {
  return { text: "", pos: [0, 0], size: [200, 120], color: "yellow", ...note };
}

export type FlowInput = {
  name: string;
  type: string;
  required?: boolean;
  default?: Json;
  label?: string;
};

export type EdgeEnds = Omit<FlowEdge, "id">;

/** The id every replica gives the same connection: the same edge drawn twice is one edge. */
export function edgeId(ends: EdgeEnds): string {
  return `${ends.source}:${ends.source_port}>${ends.target}:${ends.target_port}`;
}

const ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

/** `<type>_<4 random>`: short, and readable inside expressions. */
export function newNodeId(type: string, taken: (id: string) => boolean): string {
  const prefix = type.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?=\d)/, "n");
  for (;;) {
    const id = `${prefix}_${randomLetters(4)}`;
    if (!taken(id)) return id;
  }
}

export function randomLetters(count: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(count));
  return Array.from(bytes, (byte) => ALPHABET[byte % ALPHABET.length]).join("");
}
