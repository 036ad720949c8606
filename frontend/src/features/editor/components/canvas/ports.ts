/** Where the ports of a card sit. Pure: the canvas, the edges and the hit test all use it. */
import { type Handle, Position } from "@xyflow/react";
import type { FlowNode, NodeSpec, PortSpec } from "@/flow-core";

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
};

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
