/** Where the ports of a card sit. Pure: the canvas, the edges and the hit test all use it. */
import { type Handle, Position } from "@xyflow/react";
import type { FlowNode, NodeSpec, Point, PortSpec } from "@/flow-core";

export const CARD_WIDTH = 164;
export const CARD_HEIGHT = 72;
const PORT_STEP = 18;
const PORT_SIZE = 10;

export type PlacedPort = {
  spec: PortSpec;
  side: "source" | "target";
  x: number;
  y: number;
  /** A field that may be wired but is not: shown while a connection is being drawn. */
  optional: boolean;
  /** A port towards the inside of a container. */
  inner?: boolean;
};

/** Where the head of a container ends; `layoutContainer` makes it taller for many ports. */
export const HEAD_HEIGHT = 52;
const INNER_INSET = 12;

export type PortLayout = { height: number; ports: readonly PlacedPort[]; handles: Handle[] };

const ERROR_PORT: PortSpec = { name: "error", type: "Error", label: { en: "Error", zh: "错误" } };

/** `wiredIn`/`wiredOut` are the ports that have an edge; unknown types show exactly those. */
export function layoutPorts(
  node: FlowNode,
  spec: NodeSpec | undefined,
  wiredIn: readonly string[],
  wiredOut: readonly string[],
): PortLayout {
  const all = spec?.input_ports ?? [];
  const declared = new Set((spec?.inputs ?? []).map((port) => port.name));
  const inputs = all.filter((port) => declared.has(port.name) || wiredIn.includes(port.name));
  const optional = all.filter((port) => !inputs.includes(port));
  const outputs = [...(spec?.outputs ?? [])];
  if (node.on_error === "route" || wiredOut.includes("error")) outputs.push(ERROR_PORT);
  const left = [...inputs, ...unknownPorts(wiredIn, inputs)];
  const right = [...outputs, ...unknownPorts(wiredOut, outputs)];
  const height = Math.max(CARD_HEIGHT, PORT_STEP * (Math.max(left.length, right.length) + 1));
  const ports: PlacedPort[] = [
    ...spread(left, height).map(([port, y]) => ({
      spec: port,
      side: "target" as const,
      x: 0,
      y,
      optional: false,
    })),
    ...spread(right, height).map(([port, y]) => ({
      spec: port,
      side: "source" as const,
      x: CARD_WIDTH,
      y,
      optional: false,
    })),
    ...spread(optional, CARD_WIDTH).map(([port, x]) => ({
      spec: port,
      side: "target" as const,
      x,
      y: height,
      optional: true,
    })),
  ];
  return { height, ports, handles: ports.map(handleOf) };
}

/** A container: its outer ports beside its head, those of its inside along its body. */
export function layoutContainer(
  node: FlowNode,
  spec: NodeSpec,
  [width, height]: Point,
  wired: { in: readonly string[]; out: readonly string[] },
): PortLayout & { head: number } {
  const gives = spec.body?.gives ?? [];
  const takes = spec.body?.takes ?? [];
  const outer = layoutPorts(
    node,
    spec,
    wired.in.filter((name) => !takes.some((port) => port.name === name)),
    wired.out.filter((name) => !gives.some((port) => port.name === name)),
  );
  const left = outer.ports.filter((port) => port.side === "target" && !port.optional);
  const right = outer.ports.filter((port) => port.side === "source");
  const head = Math.max(HEAD_HEIGHT, PORT_STEP * (Math.max(left.length, right.length) + 1));
  const beside = (ports: readonly PlacedPort[], x: number): PlacedPort[] =>
    ports.map((port, index) => ({ ...port, x, y: ((index + 1) * head) / (ports.length + 1) }));
  const inside = (list: readonly PortSpec[], side: "source" | "target"): PlacedPort[] =>
    spread(list, height - head).map(([port, y]) => ({
      spec: port,
      side,
      x: side === "source" ? INNER_INSET : width - INNER_INSET,
      y: head + y,
      optional: false,
      inner: true,
    }));
  const optional = outer.ports.filter((port) => port.optional);
  const ports = [
    ...beside(left, 0),
    ...beside(right, width),
    ...spread(
      optional.map((port) => port.spec),
      width,
    ).map(([port, x]) => ({ spec: port, side: "target" as const, x, y: height, optional: true })),
    ...inside(gives, "source"),
    ...inside(takes, "target"),
  ];
  return { height, head, ports, handles: ports.map(handleOf) };
}

function unknownPorts(wired: readonly string[], known: readonly PortSpec[]): PortSpec[] {
  return wired
    .filter((name) => !known.some((port) => port.name === name))
    .map((name) => ({ name, type: "any", label: { en: name, zh: name } }));
}

function spread(ports: readonly PortSpec[], length: number): [PortSpec, number][] {
  return ports.map((port, index) => [port, ((index + 1) * length) / (ports.length + 1)]);
}

function handleOf(port: PlacedPort): Handle {
  const position = port.optional ? Position.Bottom : port.side === "source" ? Position.Right : Position.Left;
  return {
    id: port.spec.name,
    type: port.side,
    position,
    x: port.x - PORT_SIZE / 2,
    y: port.y - PORT_SIZE / 2,
    width: PORT_SIZE,
    height: PORT_SIZE,
  } as Handle;
}
