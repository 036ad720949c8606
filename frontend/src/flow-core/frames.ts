/**
 * Frames of the document socket: y-protocols plus our own messages (≥ 100). One WebSocket
 * message is one frame.
 */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import type { LocalText } from "./node-spec";

const SYNC = 0;
const AWARENESS = 1;
const AUTH = 2;
const QUERY_AWARENESS = 3;
const ACKNOWLEDGED = 100;
const ROLE = 101;
const CHANGED = 102;
const HELLO = 103;
const NOTICE = 104;
const NEWS = 105;

/** A frame in a buffer of its own, as `WebSocket.send` wants it. */
export type OutgoingFrame = Uint8Array<ArrayBuffer>;

export type Role = "owner" | "editor" | "viewer" | "none";
export type Limits = { update_bytes: number; answer_bytes: number };
export type Hello = { epoch: number; role: Role; seq: number; limits: Limits };
/** What the server changed for somebody, after the change itself has arrived. */
export type ServerChange = { seq: number; origin: string; by: string | null; name: string; summary: string };
/** Why the server is about to close the connection, in both languages. */
export type Notice = { code: string; message: LocalText; hint: LocalText };

const DEFAULT_LIMITS: Limits = { update_bytes: 256 * 1024, answer_bytes: 4 * 1024 * 1024 };

export type Frame =
  | { kind: "sync_step_1"; stateVector: Uint8Array }
  | { kind: "update"; update: Uint8Array; step2: boolean }
  | { kind: "awareness"; update: Uint8Array }
  | { kind: "query_awareness" }
  | { kind: "acknowledged"; frames: number; seq: number }
  | { kind: "role"; role: Role }
  | { kind: "hello"; hello: Hello }
  | { kind: "changed"; change: ServerChange }
  | { kind: "notice"; notice: Notice }
  | { kind: "news"; topic: string }
  | { kind: "other" };

export function readFrame(data: Uint8Array): Frame {
  const decoder = decoding.createDecoder(data);
  switch (decoding.readVarUint(decoder)) {
    case SYNC:
      return readSync(decoder);
    case AWARENESS:
      return { kind: "awareness", update: decoding.readVarUint8Array(decoder) };
    case QUERY_AWARENESS:
      return { kind: "query_awareness" };
    case ACKNOWLEDGED:
      return {
        kind: "acknowledged",
        frames: decoding.readVarUint(decoder),
        seq: decoding.readVarUint(decoder),
      };
    case ROLE:
      return { kind: "role", role: asRole(decoding.readVarString(decoder)) };
    case HELLO:
      return { kind: "hello", hello: readHello(decoding.readVarString(decoder)) };
    case NEWS:
      return { kind: "news", topic: readTopic(decoding.readVarString(decoder)) };
    case CHANGED:
      return { kind: "changed", change: readChange(decoding.readVarString(decoder)) };
    case NOTICE:
      return { kind: "notice", notice: readNotice(decoding.readVarString(decoder)) };
    case AUTH:
      return { kind: "other" };
    default:
      return { kind: "other" };
  }
}

function readSync(decoder: decoding.Decoder): Frame {
  const step = decoding.readVarUint(decoder);
  const body = decoding.readVarUint8Array(decoder);
  return step === 0
    ? { kind: "sync_step_1", stateVector: body }
    : { kind: "update", update: body, step2: step === 1 };
}

function readHello(text: string): Hello {
  const value = JSON.parse(text) as Partial<Hello> & { client_limits?: Partial<Limits> };
  return {
    epoch: Number(value.epoch ?? 0),
    role: asRole(String(value.role)),
    seq: Number(value.seq ?? 0),
    limits: { ...DEFAULT_LIMITS, ...value.client_limits },
  };
}

function readChange(text: string): ServerChange {
  const value = JSON.parse(text) as Partial<ServerChange>;
  return {
    seq: Number(value.seq ?? 0),
    origin: String(value.origin ?? ""),
    by: typeof value.by === "string" ? value.by : null,
    name: String(value.name ?? ""),
    summary: String(value.summary ?? ""),
  };
}

function readNotice(text: string): Notice {
  const value = JSON.parse(text) as Partial<Notice>;
  return { code: String(value.code ?? ""), message: localText(value.message), hint: localText(value.hint) };
}

function localText(value: Partial<LocalText> | undefined): LocalText {
  return { en: String(value?.en ?? ""), zh: String(value?.zh ?? "") };
}

function readTopic(text: string): string {
  return String((JSON.parse(text) as { topic?: unknown }).topic ?? "");
}

function asRole(role: string): Role {
  return role === "owner" || role === "editor" || role === "viewer" ? role : "none";
}

export function syncStep1(stateVector: Uint8Array): OutgoingFrame {
  return sync(0, stateVector);
}

export function syncStep2(update: Uint8Array): OutgoingFrame {
  return sync(1, update);
}

export function syncUpdate(update: Uint8Array): OutgoingFrame {
  return sync(2, update);
}

function sync(step: number, body: Uint8Array): OutgoingFrame {
  return finish((encoder) => {
    encoding.writeVarUint(encoder, SYNC);
    encoding.writeVarUint(encoder, step);
    encoding.writeVarUint8Array(encoder, body);
  });
}

function finish(write: (encoder: encoding.Encoder) => void): OutgoingFrame {
  return encoding.encode(write) as OutgoingFrame;
}

export function awarenessFrame(update: Uint8Array): OutgoingFrame {
  return finish((encoder) => {
    encoding.writeVarUint(encoder, AWARENESS);
    encoding.writeVarUint8Array(encoder, update);
  });
}
