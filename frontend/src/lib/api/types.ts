/**
 * What the server sends, read from the generated schema (`npm run api`). Fields the schema leaves
 * open (JSON values, words that are an open list there) are narrowed here, in this one place.
 */
import type { components } from "./schema";

type Schemas = components["schemas"];
type Narrow<Base, Fields> = Omit<Base, keyof Fields> & Fields;

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Text = Schemas["TextOut"];
export type Page<Item> = { items: Item[]; next_cursor: string | null };

export type Session = Schemas["SessionOut"];
export type Me = Schemas["PersonOut"];
export type Instance = Schemas["InstanceOut"];
export type Role = Schemas["RoleEnum"];
export type Workspace = Schemas["WorkspaceOut"];
export type Member = Schemas["MemberOut"];
export type Person = Schemas["MemberPersonOut"];
export type Invitation = Schemas["InvitationOut"];
export type InvitationNotice = Schemas["InvitationPreviewOut"];
export type AuditEntry = Narrow<Schemas["AuditEntryOut"], { before: Json; after: Json }>;
export type Notification = Schemas["NotificationOut"];
export type NotificationPage = Schemas["NotificationPageOut"];
export type ShareLink = Schemas["ShareLinkOut"];
export type SharedFlow = Schemas["SharedFlowOut"];
export type ActivityPage = Schemas["ActivityPageOut"];
export type Activity = ActivityPage["items"][number];
export type CommentThread = Schemas["ThreadOut"];
export type Comment = Schemas["CommentOut"];
export type TokenScope = Schemas["ScopesEnum"];
export type ApiToken = Narrow<Schemas["TokenOut"], { scopes: TokenScope[] }>;
export type Credential = Schemas["CredentialOut"];
/** `fields` are those of nodes, some of them secret. */
export type CredentialKind = Narrow<
  Schemas["CredentialKindOut"],
  { name: LocalText; description: LocalText; fields: unknown[] }
>;
type LocalText = { en: string; zh: string };
export type Variable = Narrow<Schemas["VariableOut"], { value: Json }>;

export type RunState = Schemas["StateEnum"];
export type NodeState =
  | "pending"
  | "queued"
  | "running"
  | "waiting"
  | "paused"
  | "completed"
  | "failed"
  | "skipped"
  | "cancelled";
export type RunError = {
  code: string;
  message: string;
  hint?: string | null;
  retryable?: boolean;
  node_id?: string | null;
  iteration_path?: string | null;
  details?: Json;
};
export type Run = Narrow<Schemas["RunOut"], { error: RunError | null }>;
export type RunDetail = Narrow<
  Schemas["RunDetailOut"],
  { error: RunError | null; inputs: Json; outputs: Json }
>;
export type NodeRun = Narrow<
  Schemas["NodeRunOut"],
  { state: NodeState; error: RunError | null; ports: Record<string, number> | null }
>;
export type ChildRun = RunDetail["children"][number];
export type NodeRunDetail = NodeRun & { inputs: Json; outputs: Json };
export type RunEvent = {
  type: string;
  run_id: string;
  seq: number;
  at: string;
  node_id?: string;
  iteration_path?: string;
  attempt?: number;
  data?: Record<string, Json>;
};
/** A value too big for its row; `preview` is its beginning. */
export type BlobRef = { $blob: string; size_bytes: number; mime?: string; name?: string; preview?: Json };
export type Diagnosis = Narrow<Schemas["DiagnosisOut"], { advice: { text: Text; patch: Json }[] }>;

export type FlowRun = Narrow<Schemas["FlowRunOut"], { state: RunState }>;
export type Flow = Narrow<Schemas["FlowOut"], { last_run: FlowRun | null }>;
export type FlowNode = {
  id: string;
  type: string;
  version?: string;
  name: string;
  config?: Record<string, Json>;
  pos?: [number, number];
  parent?: string | null;
  size?: [number, number] | null;
  disabled?: boolean;
};
export type FlowEdge = {
  id: string;
  source: string;
  source_port: string;
  target: string;
  target_port: string;
};
export type FlowDefinition = {
  schema: string;
  name: string;
  description?: string;
  inputs?: Json;
  nodes: FlowNode[];
  edges: FlowEdge[];
};

export type Version = Schemas["VersionOut"];
export type VersionPage = Schemas["VersionPageOut"];
/** Places that do not apply are empty; `path` is like "config.top_k". */
export type Change = Narrow<Schemas["ChangeOut"], { before: Json; after: Json }>;
export type Comparison = Narrow<Schemas["ComparisonOut"], { changes: Change[] }>;

export type TemplateCategory = Schemas["CategoryEnum"];
export type Template = Schemas["TemplateOut"];
export type TemplateDetail = Narrow<
  Schemas["TemplateDetailOut"],
  {
    definition: FlowDefinition;
    requirements: { node_types: string[]; hosts: string[]; credentials: string[]; unknown_types: string[] };
  }
>;

export type Category =
  | "trigger"
  | "source"
  | "processing"
  | "ai"
  | "control"
  | "output"
  | "utility"
  | "service";
export type NodePort = {
  name: string;
  type: string;
  label: Text;
  description?: Text;
  required?: boolean;
  multiple?: boolean;
};
/** As much of a configuration field as pages outside the editor read. */
export type NodeField = {
  name: string;
  type: string;
  label: Text;
  help?: Text;
  default?: Json;
  required?: boolean;
  control?: string;
  options?: { value: string; label: Text }[];
  minimum?: number;
  maximum?: number;
  max_length?: number;
  unit?: Text;
  expert?: boolean;
  wireable?: boolean;
  expression?: "allowed" | "never" | "item" | "body";
  credential_kinds?: string[];
};
export type NodeSpec = Narrow<
  Schemas["NodeTypeOut"],
  {
    name: Text;
    description: Text;
    category: Category;
    inputs: NodePort[];
    outputs: NodePort[];
    input_ports: NodePort[];
    config: NodeField[];
    example?: {
      config?: Record<string, Json>;
      inputs?: Record<string, Json>;
      outputs?: Record<string, Json>;
    };
  }
>;

/** What a plug-in wants to be allowed, as people see it before they consent. */
export type PluginPermissions = {
  hosts: string[];
  files: "none" | "read" | "write";
  secrets: string[];
  code: boolean;
};
export type PluginManifest = {
  id: string;
  version: string;
  name: Text;
  description: Text;
  author: string;
  homepage: string;
  icon: string;
  requires: { python: string[]; plugins: Record<string, string>; product: string };
  permissions: PluginPermissions;
  nodes: {
    spec: {
      id: string;
      version: string;
      name: Text;
      category: Category;
      icon: string;
      config?: NodeField[];
    };
  }[];
  credential_kinds?: { id: string; name: Text }[];
};
export type PluginPackage = Narrow<Schemas["PackageOut"], { manifest: PluginManifest }>;
export type LookedAtPackage = Narrow<
  Schemas["LookedAtOut"],
  { manifest: PluginManifest; conflicts: Text[]; installed_permissions: PluginPermissions | null }
>;
export type Plugin = Narrow<
  Schemas["PluginOut"],
  { current: PluginPackage; versions: PluginPackage[]; refused: LocalText | null }
>;
