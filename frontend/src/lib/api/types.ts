/** What the server sends. One place until everything here is read from the generated schema. */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Text = { en: string; zh: string };
export type Page<Item> = { items: Item[]; next_cursor: string | null };

export type Role = "viewer" | "editor" | "owner";

export type Person = { id: string; name: string; email: string; color: number };
export type Me = Person & { language: string; is_admin: boolean };
export type Instance = {
  needs_owner: boolean;
  needs_code: boolean;
  signup: "invite" | "open";
  version: string;
  llm_configured: boolean;
};
export type Session = { authenticated: boolean; person: Me | null; instance: Instance };

export type Workspace = {
  id: string;
  name: string;
  kind: "personal" | "team";
  role: Role;
  member_count: number;
};
export type Member = { person: Person; role: Role; joined_at: string };
export type Invitation = {
  id: string;
  role: Role;
  url: string;
  email?: string | null;
  expires_at: string;
  accepted_count: number;
  created_at?: string;
};
export type InvitationNotice = {
  workspace_name: string;
  inviter_name: string;
  role: Role;
  expires_at: string;
};

export type RunState = "ready" | "running" | "paused" | "completed" | "failed" | "cancelled";
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

export type Flow = {
  id: string;
  name: string;
  description: string;
  updated_at: string;
  updated_by: Person | null;
  node_count: number;
  last_run: { id: string; state: RunState; finished_at: string | null } | null;
};

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

export type RunPerson = Pick<Person, "id" | "name"> & { color?: number };
export type Run = {
  id: string;
  number: number;
  flow_id: string;
  flow_name: string;
  state: RunState;
  trigger: string;
  version: number | null;
  retry_of: string | null;
  created_at: string;
  started_at: string | null;
  finished_at: string | null;
  duration_ms: number | null;
  created_by: RunPerson | null;
  reason: string;
  error: RunError | null;
};
export type RunDetail = Run & { inputs: Json; outputs: Json; last_seq: number };
export type Diagnosis = {
  id: string;
  node_id: string;
  source: "rule" | "model";
  rule: string;
  confidence: number;
  cause: Text;
  evidence: string;
  /** `patch` is a proposed change of the flow; null when only a person can do it. */
  advice: { text: Text; patch: Json }[];
};
export type NodeRun = {
  id: string;
  node_id: string;
  iteration_path: string;
  attempt: number;
  state: NodeState;
  started_at: string | null;
  finished_at: string | null;
  duration_ms: number | null;
  items: number | null;
  ports: Record<string, number> | null;
  error: RunError | null;
};
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
export type BlobRef = { $blob: string; size_bytes: number; mime?: string; name?: string; preview?: Json };

export type Version = {
  number: number;
  message: string;
  author: Pick<Person, "id" | "name" | "color"> | null;
  created_at: string;
  semantic_hash: string;
  layout_hash: string;
  parent: number | null;
  published: boolean;
};
/** `draft_changed` says whether the draft differs from the newest version. */
export type VersionPage = Page<Version> & { draft_changed: boolean };
export type Change = {
  kind: string;
  node_id: string | null;
  edge_id: string | null;
  path: (string | number)[] | null;
  before: Json;
  after: Json;
  text: string;
};
export type Comparison = { before: string; after: string; changes: Change[] };

export type TemplateCategory = "ai" | "data" | "integration" | "other";
export type Template = {
  id: string;
  name: string;
  summary: string;
  category: TemplateCategory;
  author_name: string;
  workspace_id: string;
  node_count: number;
  uses: number;
  created_at: string;
};
export type TemplateDetail = Template & {
  definition: FlowDefinition;
  semantic_hash: string;
  requirements: { node_types: string[]; hosts: string[]; credentials: string[]; unknown_types: string[] };
};

/** `allowed_hosts` is null for those who may only see names. */
export type Credential = {
  id: string;
  name: string;
  kind: string;
  allowed_hosts: string[] | null;
  created_at: string;
  last_used_at: string | null;
};
export type CredentialTest = { ok: boolean; status: number | null; message: string };

export type TokenScope = "read" | "write" | "run" | "manage";
export type ApiToken = {
  id: string;
  name: string;
  prefix: string;
  scopes: TokenScope[];
  created_at: string;
  expires_at: string;
  last_used_at: string | null;
};
export type ApiTokenCreated = ApiToken & { token: string };

export type Notification = {
  id: string;
  kind: string;
  title: string;
  body: string;
  /** A path inside the app, or empty. */
  link: string;
  workspace_id: string | null;
  created_at: string;
  read_at: string | null;
};
export type NotificationPage = Page<Notification> & { unread: number };

export type AuditEntry = {
  id: string;
  at: string;
  actor_id: string | null;
  actor_email: string;
  action: string;
  target_type: string;
  target_id: string;
  before: Json;
  after: Json;
};

export type NodePort = {
  name: string;
  type: string;
  label: Text;
  description?: Text;
  required?: boolean;
  multiple?: boolean;
};
export type NodeSpec = {
  id: string;
  version: string;
  name: Text;
  description: Text;
  category: Category;
  icon: string;
  inputs: NodePort[];
  outputs: NodePort[];
  input_ports: NodePort[];
  config: Record<string, Json>[];
};
export type Category =
  | "trigger"
  | "source"
  | "processing"
  | "ai"
  | "control"
  | "output"
  | "utility"
  | "service";
