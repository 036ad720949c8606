/** Port types: reading them, and whether a value of one may enter a port of another. */

export type PortType =
  | { kind: "name"; name: string }
  | { kind: "array" | "stream"; item: PortType }
  | { kind: "union"; members: PortType[] };

const ALIASES: Record<string, string> = {
  str: "string",
  text: "string",
  int: "integer",
  float: "number",
  double: "number",
  bool: "boolean",
  dict: "object",
  list: "array",
};

const ANY: PortType = { kind: "name", name: "any" };
const RECORDS = new Set(["Document", "Chunk", "Message", "File", "Table", "Image", "Error"]);

/** Reads `array<Document> | null`; something unreadable counts as `any`, so nothing is refused. */
export function parsePortType(source: string): PortType {
  const parser = new Parser(source);
  const type = parser.union();
  return type && parser.done ? type : ANY;
}

export type Mismatch = { source: string; target: string; adaptor?: "wrap" };

export function connectable(sourceType: string, targetType: string): boolean {
  return fits(parsePortType(sourceType), parsePortType(targetType));
}

export function fits(source: PortType, target: PortType): boolean {
  if (isNamed(source, "any") || isNamed(target, "any")) return true;
  if (source.kind === "union") return source.members.every((member) => fits(member, target));
  if (target.kind === "union") return target.members.some((member) => fits(source, member));
  if (source.kind === "name" && target.kind === "name") return namesFit(source.name, target.name);
  if (source.kind === "name" || target.kind === "name") return false;
  return source.kind === target.kind && fits(source.item, target.item);
}

function namesFit(source: string, target: string): boolean {
  if (source === target) return true;
  if (source === "integer" && target === "number") return true;
  return target === "object" && RECORDS.has(source);
}

function isNamed(type: PortType, name: string): boolean {
  return type.kind === "name" && type.name === name;
}

/** How the type is drawn: colour by what it is, shape by how many. */
export type PortLook = { color: string; shape: "one" | "array" | "stream" };

const COLORS: Record<string, string> = {
  string: "string",
  integer: "number",
  number: "number",
  boolean: "boolean",
  object: "object",
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
  const type = parsePortType(source);
  const shape = type.kind === "array" || type.kind === "stream" ? type.kind : "one";
  return { color: `var(--port-${COLORS[innerName(type)] ?? "any"})`, shape };
}

function innerName(type: PortType): string {
  if (type.kind === "union") {
    const named = type.members.filter((member) => !isNamed(member, "null"));
    return named.length === 1 && named[0] ? innerName(named[0]) : "any";
  }
  if (type.kind === "name") return type.name === "Embedding" ? "Embedding" : type.name;
  return innerName(type.item);
}

class Parser {
  private at = 0;

  constructor(private readonly source: string) {}

  get done(): boolean {
    this.space();
    return this.at === this.source.length;
  }

  union(): PortType | null {
    const members: PortType[] = [];
    do {
      const member = this.single();
      if (!member) return null;
      members.push(member);
    } while (this.take("|"));
    return members.length === 1 ? (members[0] ?? null) : { kind: "union", members };
  }

  private single(): PortType | null {
    this.space();
    const name = /^[A-Za-z_][A-Za-z0-9_]*/.exec(this.source.slice(this.at))?.[0];
    if (!name) return null;
    this.at += name.length;
    const canonical = ALIASES[name.toLowerCase()] ?? name;
    if (canonical !== "array" && canonical !== "stream") return { kind: "name", name: canonical };
    const closing = this.take("<") ? ">" : this.take("[") ? "]" : null;
    if (!closing) return { kind: canonical, item: ANY };
    const item = this.union();
    return item && this.take(closing) ? { kind: canonical, item } : null;
  }

  private take(char: string): boolean {
    this.space();
    if (this.source[this.at] !== char) return false;
    this.at += 1;
    return true;
  }

  private space(): void {
    while (this.source[this.at] === " ") this.at += 1;
  }
}
