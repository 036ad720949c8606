import { screen, waitFor, within } from "@testing-library/react";
import { expect, test, vi } from "vitest";
import { renderAt } from "@/testing/render";
import { type Asked, owner, page, problem, Reply, session, workspace } from "@/testing/server";

// The editor opens sockets and draws a canvas; here it only matters that one arrives at it.
vi.mock("@/features/editor", () => ({ EditorPage: () => null }));

const runId = "44444444-4444-4444-8444-444444444444";
const flowId = "33333333-3333-4333-8333-333333333333";
const person = { id: owner.id, name: owner.name, color: owner.color };
const failedRun = {
  id: runId,
  number: 480,
  flow_id: flowId,
  flow_name: "Ask your documents",
  state: "failed",
  trigger: "manual",
  version: 14,
  retry_of: null,
  cost: { micros: 0, currency: "" },
  budget: null,
  parent_run_id: null,
  children: [],
  created_at: "2026-11-20T10:00:00Z",
  started_at: "2026-11-20T10:00:01Z",
  finished_at: "2026-11-20T10:00:32Z",
  duration_ms: 31_400,
  created_by: person,
  reason: "",
  error: {
    code: "llm.timeout",
    message: "The model did not answer",
    hint: "Try a smaller prompt.",
    node_id: "llm_1",
  },
  inputs: { text: "Refund?" },
  outputs: null,
  last_seq: 3,
};
const definition = {
  schema: "sage-studio/flow@1",
  name: "Ask your documents",
  nodes: [
    { id: "start_1", type: "manual_trigger", name: "Start", config: {} },
    { id: "llm_1", type: "llm", name: "Write the answer", config: { prompt: "Short" } },
    { id: "tell_1", type: "notify", name: "Tell the team", config: {} },
  ],
  edges: [],
};
const nodeRun = (id: string, state: string, items: number | null) => ({
  id: `row-${id}`,
  node_id: id,
  iteration_path: "",
  attempt: 1,
  state,
  started_at: "2026-11-20T10:00:01Z",
  finished_at: "2026-11-20T10:00:02Z",
  duration_ms: 1000,
  items,
  ports: null,
  error: null,
});
const runRoutes = {
  [`GET /w/runs/${runId}`]: failedRun,
  [`GET /w/runs/${runId}/definition`]: definition,
  [`GET /w/runs/${runId}/nodes`]: {
    items: [nodeRun("start_1", "completed", 1), nodeRun("llm_1", "failed", null)],
    next_cursor: null,
    iterations: {},
  },
  [`GET /w/runs/${runId}/nodes/row-start_1`]: {
    ...nodeRun("start_1", "completed", 1),
    inputs: {},
    outputs: {
      rows: [{ city: "Oslo" }, { city: "Rome" }],
      big: { $blob: "sha256:ab12", size_bytes: 2_000_000 },
    },
  },
  [`GET /w/runs/${runId}/events`]: {
    items: [
      { type: "run_started", run_id: runId, seq: 1, at: "2026-11-20T10:00:01Z" },
      {
        type: "log",
        run_id: runId,
        seq: 2,
        at: "2026-11-20T10:00:02Z",
        node_id: "llm_1",
        data: { level: "info", message: "asking the model" },
      },
      {
        type: "run_failed",
        run_id: runId,
        seq: 3,
        at: "2026-11-20T10:00:32Z",
        data: { error: { code: "llm.timeout", message: "The model did not answer" } },
      },
    ],
    last_seq: 3,
  },
  [`GET /w/runs/${runId}/diagnoses`]: {
    items: [
      {
        id: "d1",
        node_id: "llm_1",
        iteration_path: "",
        source: "rule",
        rule: "timeout",
        confidence: 0.9,
        cause: { en: "The model was too slow", zh: "模型太慢" },
        evidence: "timeout after 30 s",
        advice: [
          {
            text: { en: "Allow two minutes", zh: "允许两分钟" },
            patch: { schema: "sage-studio/patch@1", operations: [] },
          },
        ],
        created_at: "2026-11-20T10:00:33Z",
      },
    ],
  },
  "GET /w/node-types": { items: [] },
};

test("the run list filters through its address and says so when nothing matches", async () => {
  const { user, asked, router } = renderAt("/w/runs?state=failed", {
    "GET /w/runs": ({ search }: { search: URLSearchParams }) => page(search.get("state") ? [] : [failedRun]),
    "GET /w/flows": page([]),
  });
  expect(await screen.findByText("No run matches these filters")).toBeVisible();
  expect(asked.find((call) => call.path.endsWith("/runs"))?.search.get("state")).toBe("failed");
  await user.click(screen.getByRole("button", { name: "Clear the filters" }));
  const row = (await screen.findByText("Ask your documents")).closest("tr") as HTMLElement;
  expect(within(row).getByText("31.4 s")).toBeVisible();
  expect(within(row).getByText("v14")).toBeVisible();
  expect(router.state.location.search).toEqual({});
});

test("a failed run shows where, why, what to try, and what was not reached", async () => {
  renderAt(`/w/runs/${runId}`, runRoutes);
  expect(await screen.findByText("Failed at Write the answer")).toBeVisible();
  expect(await screen.findByText("The model was too slow")).toBeVisible();
  expect(screen.getByText("timeout after 30 s")).toBeVisible();
  expect(await screen.findByText("Not reached")).toBeVisible();
  expect(screen.getByText("1 of 3 done")).toBeVisible();
});

test("a node of a run opens to its values: rows as a table, big values as a download", async () => {
  const { user } = renderAt(`/w/runs/${runId}`, runRoutes);
  await user.click(await screen.findByRole("button", { name: "Inputs and outputs of Start" }));
  expect(await screen.findByRole("cell", { name: "Oslo" })).toBeVisible();
  expect(screen.getByRole("link", { name: /2.0 MB/ })).toHaveAttribute(
    "href",
    `/api/v1/workspaces/${workspace.id}/blobs/ab12`,
  );
});

test("rounds of a container are folded under it, with the nodes of each and the run one has started", async () => {
  const level = (items: object[], iterations = {}) => ({ items, next_cursor: null, iterations });
  const inRound = (id: string, round: number) => ({
    ...nodeRun(id, "completed", 1),
    id: `${id}-${round}`,
    iteration_path: `each_1.${round}@1`,
  });
  const detail = (id: string) => ({ ...nodeRun(id, "completed", 1), inputs: {}, outputs: {} });
  const { user } = renderAt(`/w/runs/${runId}`, {
    ...runRoutes,
    [`GET /w/runs/${runId}`]: {
      ...failedRun,
      children: [
        {
          id: "child-1",
          number: 7,
          flow_id: flowId,
          flow_name: "Called",
          state: "completed",
          parent_path: "call_1|each_1.1@1|flow@1",
        },
      ],
    },
    [`GET /w/runs/${runId}/definition`]: {
      ...definition,
      nodes: [
        { id: "each_1", type: "map_each", name: "Each" },
        { id: "call_1", type: "sub_flow", name: "Call", parent: "each_1" },
      ],
    },
    [`GET /w/runs/${runId}/nodes`]: ({ search }: Asked) => {
      if (search.get("container")) return level([inRound("each_1", 0), inRound("each_1", 1)]);
      if (search.get("path")) return level([inRound("call_1", 1)]);
      return level([nodeRun("each_1", "completed", 2)], { each_1: { completed: 2 } });
    },
    [`GET /w/runs/${runId}/nodes/row-each_1`]: detail("each_1"),
    [`GET /w/runs/${runId}/nodes/call_1-1`]: detail("call_1"),
  });
  await user.click(await screen.findByRole("button", { name: "Inputs and outputs of Each" }));
  expect(await screen.findByText("2 rounds")).toBeVisible();
  expect(screen.queryByText("Call")).toBeNull();
  await user.click(await screen.findByRole("button", { name: "What happened in round 2" }));
  await user.click(await screen.findByRole("button", { name: "Inputs and outputs of Call" }));
  expect(await screen.findByRole("link", { name: "The run it started: Called #7" })).toHaveAttribute(
    "href",
    expect.stringContaining("/runs/child-1"),
  );
});

test("the log shows problems only when asked, and downloads whole", async () => {
  const { user } = renderAt(`/w/runs/${runId}`, runRoutes);
  expect(await screen.findByText("asking the model")).toBeVisible();
  await user.click(screen.getByRole("radio", { name: "Problems" }));
  expect(screen.queryByText("asking the model")).toBeNull();
  expect(screen.getByText("Run failed: The model did not answer")).toBeVisible();
  expect(screen.getByRole("link", { name: "Download" })).toHaveAttribute(
    "href",
    expect.stringContaining(`/runs/${runId}/log`),
  );
});

test("advice with a change can be applied to the draft by an editor; a viewer has no such button", async () => {
  const patched = `POST /w/flows/${flowId}/patches`;
  const first = renderAt(`/w/runs/${runId}`, {
    ...runRoutes,
    [patched]: { applied: 1, conflicts: [], seq: 2, inverse: {} },
  });
  await first.user.click(await screen.findByRole("button", { name: "Apply to the draft" }));
  expect(await screen.findByText("Applied to the draft")).toBeVisible();
  expect(first.asked.find((call) => call.path.endsWith("/patches"))?.body).toEqual({
    schema: "sage-studio/patch@1",
    operations: [],
  });
  first.unmount();
  renderAt(`/w/runs/${runId}`, {
    ...runRoutes,
    "GET /api/v1/workspaces": page([{ ...workspace, role: "viewer" }]),
  });
  expect(await screen.findByText("Allow two minutes")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Apply to the draft" })).toBeNull();
  expect(screen.queryByRole("button", { name: "Retry" })).toBeNull();
});

test("retrying a run opens the new run", async () => {
  const next = {
    ...failedRun,
    id: "55555555-5555-4555-8555-555555555555",
    number: 481,
    state: "ready",
    error: null,
  };
  const { user, asked, router } = renderAt(`/w/runs/${runId}`, {
    ...runRoutes,
    [`POST /w/runs/${runId}/commands`]: new Reply(202, next),
  });
  await user.click(await screen.findByRole("button", { name: "Retry" }));
  await waitFor(() => expect(router.state.location.pathname).toContain(next.id));
  expect(asked.find((call) => call.path.endsWith("/commands"))?.body).toEqual({ command: "retry" });
});

const version = (number: number, message: string) => ({
  number,
  message,
  author: person,
  created_at: "2026-11-20T10:00:00Z",
  semantic_hash: "a",
  layout_hash: "b",
  parent: number > 1 ? number - 1 : null,
  published: number === 1,
});
const historyRoutes = {
  [`GET /w/flows/${flowId}`]: { id: flowId, name: "Ask your documents" },
  [`GET /w/flows/${flowId}/versions`]: {
    ...page([version(2, "Long passages"), version(1, "First")]),
    draft_changed: true,
  },
  [`GET /w/flows/${flowId}/versions/2`]: { ...version(2, "Long passages"), definition },
  [`GET /w/flows/${flowId}/definition`]: {
    ...definition,
    nodes: definition.nodes.map((node) =>
      node.id === "llm_1" ? { ...node, config: { prompt: "Shorter" } } : node,
    ),
  },
  [`GET /w/flows/${flowId}/versions/2/diff`]: {
    before: "v2",
    after: "draft",
    changes: [
      {
        kind: "node_changed",
        node_id: "llm_1",
        edge_id: "",
        path: "config.prompt",
        before: null,
        after: null,
        text: "",
      },
    ],
  },
  "GET /w/node-types": { items: [] },
};

test("history names the changed node and shows both values", async () => {
  renderAt(`/w/flows/${flowId}/history`, historyRoutes);
  expect(await screen.findByText("Write the answer")).toBeVisible();
  expect(screen.getByText("Short").tagName).toBe("DEL");
  expect(screen.getByText("Shorter").tagName).toBe("INS");
});

test("committing asks for a message and shows the server's refusal where it happened", async () => {
  const { user } = renderAt(`/w/flows/${flowId}/history`, {
    ...historyRoutes,
    [`POST /w/flows/${flowId}/versions`]: problem(409, "version.same", "Nothing has changed since v2."),
  });
  await user.click(await screen.findByRole("button", { name: "Commit a version" }));
  const commit = await screen.findByRole("button", { name: "Commit v3" });
  expect(commit).toBeDisabled();
  await user.type(screen.getByLabelText("What changed, and why"), "Shorter prompt");
  await user.click(commit);
  expect(await screen.findByText("Nothing has changed since v2.")).toBeVisible();
});

test("using a template asks for the workspace and opens the new flow", async () => {
  const template = {
    id: "66666666-6666-4666-8666-666666666666",
    name: "Clean a CSV",
    summary: "Sums by country",
    category: "data",
    author_name: "Mina Park",
    workspace_id: "elsewhere",
    node_count: 3,
    uses: 4,
    created_at: "2026-11-20T10:00:00Z",
  };
  const { user, asked, router } = renderAt(`/templates/${template.id}`, {
    [`GET /api/v1/templates/${template.id}`]: {
      ...template,
      definition,
      semantic_hash: "x",
      requirements: {
        node_types: ["llm"],
        hosts: ["api.example.org"],
        credentials: ["Write the answer: key"],
        unknown_types: [],
      },
    },
    "GET /w/node-types": { items: [] },
    [`POST /w/templates/${template.id}/install`]: new Reply(201, { flow_id: flowId }),
  });
  expect(await screen.findByText("api.example.org")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Use template" }));
  await user.click(await screen.findByRole("button", { name: "Create the flow" }));
  await waitFor(() => expect(router.state.location.pathname).toBe(`/w/${workspace.id}/flows/${flowId}`));
  expect(asked.find((call) => call.path.endsWith("/install"))?.body).toEqual({ name: "Clean a CSV" });
});

test("a session that ends while a page is open leads to sign-in and back to the page", async () => {
  let over = false;
  const { router, user } = renderAt("/w/runs", {
    "GET /api/v1/session": () => (over ? { ...session, authenticated: false, person: null } : session),
    "GET /w/flows": page([]),
    "GET /w/runs": () => (over ? problem(401, "auth.required", "Sign in first") : page([failedRun])),
  });
  await screen.findByText("Ask your documents");
  over = true;
  await user.click(screen.getByRole("combobox", { name: "State" }));
  await user.click(await screen.findByRole("option", { name: "Failed" }));
  expect(await screen.findByRole("heading", { name: "Sign in" })).toBeVisible();
  expect(router.state.location.search).toEqual({ next: `/w/${workspace.id}/runs?state=failed` });
});
