/** Port types: reading them, and whether a value of one fits a port of another (as `sage_studio.flow.types`). */

/** `name` with its arguments; a union has the name `|` and its members as arguments. */
export type PortType = { readonly name: string; readonly args: readonly PortType[] };

const ALIASES: Record<string, string> = {
  str: "string",
  text: "string",
  int: "integer",
  float: "number",
  double: "number",
  bool: "boolean",
  dict: "object",
  json: "any",
  none: "null",
  list: "array",
};
const CONTAINERS = new Set(["array", "stream", "map"]);
const ANY: PortType = { name: "any", args: [] };
/** What a named record is when a port asks for something structural. */
const STRUCTURE: Record<string, string> = { Embedding: "array<number>", Table: "array<object>" };
/** Records that are another record with more in it. */
const IS_A: Record<string, string> = { Chunk: "Document", Image: "File" };

const cache = new Map<string, PortType>();

/** Something unreadable counts as `any`: the server names it as a problem, nothing is refused here. */
export function parsePortType(source: string): PortType {
  const known = cache.get(source);
  if (known) return known;
  const type = new Reader(source).whole() ?? ANY;
  cache.set(source, type);
  return type;
}

export function connectable(sourceType: string, targetType: string): boolean {
  return fits(parsePortType(sourceType), parsePortType(targetType));
}

/**
 * `any` fits both ways, because only the run can know; a union source must fit with every member,
 * a union target needs one; containers go by their items; a record fits an object.
 */
function fits(source: PortType, target: PortType): boolean {
  if (source.name === "any" || target.name === "any") return true;
  if (source.name === "|") return source.args.every((member) => fits(member, target));
  if (target.name === "|") return target.args.some((member) => fits(source, member));
  if (source.name === target.name) return source.args.every((mine, i) => fits(mine, target.args[i] ?? ANY));
  // A list is fed into a stream; a stream is gathered into a list.
  if (isSeries(source) && isSeries(target)) return fits(source.args[0] ?? ANY, target.args[0] ?? ANY);
  if (source.name === "integer" && target.name === "number") return true;
  if (isMapping(source) && isMapping(target)) return true;
  if (/^[A-Z]/.test(source.name)) return recordFits(source, target);
  const structure = STRUCTURE[target.name];
  return structure !== undefined && fits(source, parsePortType(structure));
}

function isSeries(type: PortType): boolean {
  return type.name === "array" || type.name === "stream";
}

function isMapping(type: PortType): boolean {
  return type.name === "map" || type.name === "object";
}

function recordFits(source: PortType, target: PortType): boolean {
  const structure = STRUCTURE[source.name];
  if (structure !== undefined) return fits(parsePortType(structure), target);
  const wider = IS_A[source.name];
  return isMapping(target) || (wider !== undefined && fits({ name: wider, args: [] }, target));
}

/** How the type is drawn: colour by what it is, shape by how many. */
export type PortLook = { color: string; shape: "one" | "array" | "stream" };

const COLORS: Record<string, string> = {
  string: "string",
  integer: "number",
  number: "number",
  boolean: "boolean",
  object: "object",
  map: "object",
  Table: "object",
  Document: "document",
  Chunk: "document",
  Embedding: "embedding",
  Message: "message",
  File: "file",
  Image: "file",
  bytes: "file",
  Error: "error",
};

export function portLook(source: string): PortLook {
  const type = withoutNull(parsePortType(source));
  const shape = type.name === "array" || type.name === "stream" ? type.name : "one";
  const inner = shape === "one" ? type : withoutNull(type.args[0] ?? ANY);
  return { color: `var(--port-${COLORS[inner.name] ?? "any"})`, shape };
}

function withoutNull(type: PortType): PortType {
  if (type.name !== "|") return type;
  const rest = type.args.filter((member) => member.name !== "null");
  return rest.length === 1 && rest[0] ? rest[0] : ANY;
}

/** A recursive descent over the few tokens a type has; null when it cannot be read. */
class Reader {
  private readonly words: string[];
  private at = 0;

  constructor(source: string) {
    this.words = source.length > 200 ? ["!"] : (source.match(/[A-Za-z_][A-Za-z0-9_]*|\S/g) ?? []);
  }

  whole(): PortType | null {
    const type = this.union();
    return type && this.at === this.words.length ? type : null;
  }

  private union(): PortType | null {
    const members: PortType[] = [];
    do {
      const single = this.single();
      if (!single) return null;
      members.push(...(single.name === "|" ? single.args : [single]));
      if (this.take("?")) members.push({ name: "null", args: [] });
    } while (this.take("|"));
    return members.length === 1 ? (members[0] ?? null) : { name: "|", args: members };
  }

  private single(): PortType | null {
    const word = this.words[this.at] ?? "";
    if (!/^[A-Za-z_]/.test(word)) return null;
    this.at += 1;
    const name = ALIASES[word] ?? word;
    const closing = this.take("<") ? ">" : this.take("[") ? "]" : "";
    const args = closing ? this.list(closing) : [];
    if (!args) return null;
    return { name, args: CONTAINERS.has(name) ? [args.at(-1) ?? ANY] : args };
  }

  private list(closing: string): PortType[] | null {
    const items: PortType[] = [];
    do {
      const item = this.union();
      if (!item) return null;
      items.push(item);
    } while (this.take(","));
    return this.take(closing) ? items : null;
  }

  private take(word: string): boolean {
    if (this.words[this.at] !== word) return false;
    this.at += 1;
    return true;
  }
}
