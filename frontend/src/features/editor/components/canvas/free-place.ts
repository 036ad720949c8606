/** Where a new node stands without covering another. */
import { containerSize, type FlowNode, isContainer, type NodeTypes, type Point } from "@/flow-core";
import { snapped } from "./grid";
import { CARD_HEIGHT, CARD_WIDTH, layoutPorts } from "./ports";

/** What is left between cards. */
const GAP = 16;
const STEP = 20;
const MOST_RINGS = 100;

type Box = { x: number; y: number; width: number; height: number };

/** The free place nearest to the wanted one, among the nodes of one container or of the flow itself. */
export function freePlace(
  wanted: Point,
  type: string,
  nodes: readonly FlowNode[],
  types: NodeTypes,
  parent?: string,
): Point {
  const taken = nodes.filter((node) => node.parent === parent).map((node) => boxOf(node, types));
  const own = boxOf({ id: "", type, pos: wanted, config: {} } as FlowNode, types);
  const isFree = ([x, y]: Point): boolean => !taken.some((box) => meet({ ...own, x, y }, box));
  if (isFree(wanted)) return wanted;
  for (let ring = 1; ring <= MOST_RINGS; ring += 1) {
    const place = around(wanted, ring).find(isFree);
    if (place) return snapped(place);
  }
  return snapped([Math.max(...taken.map((box) => box.x + box.width)) + GAP, wanted[1]]);
}

function boxOf(node: FlowNode, types: NodeTypes): Box {
  const [width, height] = isContainer(node, types)
    ? containerSize(node)
    : [CARD_WIDTH, layoutPorts(node, types.get(node.type), [], []).height];
  return { x: node.pos[0], y: node.pos[1], width, height: Math.max(height, CARD_HEIGHT) };
}

function meet(a: Box, b: Box): boolean {
  return (
    a.x < b.x + b.width + GAP &&
    b.x < a.x + a.width + GAP &&
    a.y < b.y + b.height + GAP &&
    b.y < a.y + a.height + GAP
  );
}

/** The places of a square around one, the nearest first. */
function around([x, y]: Point, ring: number): Point[] {
  const far = ring * STEP;
  const places: Point[] = [];
  for (let along = -far; along <= far; along += STEP) {
    places.push([x + along, y + far], [x + far, y + along], [x + along, y - far], [x - far, y + along]);
  }
  const distance = (place: Point): number => Math.hypot(place[0] - x, place[1] - y);
  return places.sort((a, b) => distance(a) - distance(b));
}
