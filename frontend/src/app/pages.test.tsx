import { screen, waitFor, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderAt } from "@/testing/render";
import { owner, page, problem, Reply, session, workspace } from "@/testing/server";

const flow = {
  id: "33333333-3333-4333-8333-333333333333",
  name: "Ask your documents",
  description: "Answers with sources",
  updated_at: "2026-11-20T10:00:00Z",
  updated_by: owner,
  node_count: 7,
  last_run: {
    id: "44444444-4444-4444-8444-444444444444",
    state: "failed",
    finished_at: "2026-11-20T10:01:00Z",
  },
};
const viewer = { "GET /api/v1/workspaces": page([{ ...workspace, role: "viewer" }]) };
const signedOut = { ...session, authenticated: false, person: null };

test("someone who is not signed in is sent to sign-in and comes back to where they wanted to go", async () => {
  let person: unknown = signedOut;
  const { user, router } = renderAt("/w/flows", {
    "GET /api/v1/session": () => person,
    "GET /w/flows": page([flow]),
    "POST /_allauth/browser/v1/auth/login": () => {
      person = session;
      return { status: 200, meta: { is_authenticated: true } };
    },
  });
  await user.type(await screen.findByLabelText("Email"), "lin@example.com");
  await user.type(screen.getByLabelText("Password"), "correct horse");
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  expect(await screen.findByText("Ask your documents")).toBeVisible();
  expect(router.state.location.pathname).toBe(`/w/${workspace.id}/flows`);
});

test("a wrong password is said beside the form and the form keeps the email", async () => {
  const { user } = renderAt("/sign-in", {
    "GET /api/v1/session": signedOut,
    "POST /_allauth/browser/v1/auth/login": new Reply(400, {
      status: 400,
      errors: [
        {
          code: "email_password_mismatch",
          param: "password",
          message: "The email or password is not correct.",
        },
      ],
    }),
  });
  await user.type(await screen.findByLabelText("Email"), "lin@example.com");
  await user.type(screen.getByLabelText("Password"), "wrong");
  await user.click(screen.getByRole("button", { name: "Sign in" }));
  expect(await screen.findByText("The email or password is not correct.")).toBeVisible();
  expect(screen.getByLabelText("Email")).toHaveValue("lin@example.com");
});

test("a fresh instance asks the first owner for the printed code", async () => {
  const fresh = { ...signedOut, instance: { ...session.instance, needs_owner: true, needs_code: true } };
  const { user, asked } = renderAt("/", {
    "GET /api/v1/session": fresh,
    "POST /_allauth/browser/v1/auth/signup": { status: 200 },
  });
  await user.type(await screen.findByLabelText("Owner code"), "ABCD-1234");
  await user.type(screen.getByLabelText("Name"), "Lin Wei");
  await user.type(screen.getByLabelText("Email"), "lin@example.com");
  await user.type(screen.getByLabelText("Password"), "correct horse battery");
  await user.click(screen.getByRole("button", { name: "Create account" }));
  await waitFor(() =>
    expect(asked.find((call) => call.path.endsWith("/signup"))?.body).toEqual({
      name: "Lin Wei",
      email: "lin@example.com",
      password: "correct horse battery",
      owner_code: "ABCD-1234",
    }),
  );
});

test("without an invitation, sign-up says how to get in instead of showing a form", async () => {
  renderAt("/sign-up", { "GET /api/v1/session": signedOut });
  expect(await screen.findByText("Accounts are by invitation here")).toBeVisible();
  expect(screen.queryByLabelText("Email")).toBeNull();
});

test("an invitation link names the workspace and lets a signed-in person join with one press", async () => {
  const { user, router } = renderAt("/invite/abc", {
    "GET /api/v1/invitations/abc": {
      workspace_name: "Acme Research",
      inviter_name: "Mina Park",
      role: "editor",
      expires_at: "2026-12-01T00:00:00Z",
    },
    "POST /api/v1/invitations/abc/accept": workspace,
    "GET /w/flows": page([]),
  });
  expect(await screen.findByText("Mina Park invites you as Editor.")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Join as Lin Wei" }));
  await waitFor(() => expect(router.state.location.pathname).toBe(`/w/${workspace.id}/flows`));
});

test("the flow list shows each flow with its last run and finds by words of the description", async () => {
  const { user } = renderAt("/w/flows", {
    "GET /w/flows": page([flow, { ...flow, id: "x", name: "Clean a CSV", description: "", last_run: null }]),
  });
  const row = (await screen.findByText("Ask your documents")).closest("tr") as HTMLElement;
  expect(within(row).getByText("Failed")).toBeVisible();
  await user.type(screen.getByRole("searchbox", { name: "Search flows" }), "SOURCES");
  expect(screen.getByText("1 flow")).toBeVisible();
  expect(screen.queryByText("Clean a CSV")).toBeNull();
});

test("an empty workspace says what to do next; a viewer is told who can", async () => {
  const first = renderAt("/w/flows", { "GET /w/flows": page([]) });
  expect(await screen.findByText("No flows yet")).toBeVisible();
  expect(screen.getAllByRole("button", { name: "New flow" }).length).toBeGreaterThan(0);
  first.unmount();
  renderAt("/w/flows", { "GET /w/flows": page([]), ...viewer });
  expect(await screen.findByText(/Editors of this workspace make flows/)).toBeVisible();
  expect(screen.queryByRole("button", { name: "New flow" })).toBeNull();
});

test("a list that cannot be read says what happened and tries again on request", async () => {
  let broken = true;
  const { user } = renderAt("/w/flows", {
    "GET /w/flows": () =>
      broken
        ? problem(503, "common.unavailable", "The database is busy", { hint: "Wait a moment." })
        : page([flow]),
  });
  expect(await screen.findByRole("heading", { name: "The database is busy" })).toBeVisible();
  expect(screen.getByText("Wait a moment.")).toBeVisible();
  broken = false;
  await user.click(screen.getByRole("button", { name: "Try again" }));
  expect(await screen.findByText("Ask your documents")).toBeVisible();
});

test("deleting a flow asks first, names it, and tells the server once", async () => {
  const { user, asked } = renderAt("/w/flows", {
    "GET /w/flows": page([flow]),
    [`DELETE /w/flows/${flow.id}`]: new Reply(204),
  });
  await user.click(await screen.findByRole("button", { name: "Actions for Ask your documents" }));
  await user.click(await screen.findByRole("menuitem", { name: "Delete" }));
  expect(await screen.findByText("Delete “Ask your documents”?")).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Delete the flow" }));
  await waitFor(() => expect(asked.filter((call) => call.method === "DELETE")).toHaveLength(1));
});

test("the language of the page changes at once and everywhere", async () => {
  const { user } = renderAt("/w/flows", { "GET /w/flows": page([]) });
  await screen.findByText("No flows yet");
  await user.click(screen.getByRole("button", { name: "You: Lin Wei" }));
  await user.click(await screen.findByRole("menuitem", { name: "中文" }));
  expect(await screen.findByText("还没有流程")).toBeVisible();
  expect(document.documentElement.lang).toBe("zh-CN");
});

test("an owner changes a role and a member who may not sees the roles as words", async () => {
  const members = page([
    { person: owner, role: "owner", joined_at: "2026-11-01T00:00:00Z" },
    {
      person: { ...owner, id: "m2", name: "Mina Park", email: "mina@example.com" },
      role: "editor",
      joined_at: "2026-11-02T00:00:00Z",
    },
  ]);
  const first = renderAt("/w/members", {
    "GET /w/members": members,
    "GET /w/invitations": page([]),
    "PATCH /w/members/m2": {},
  });
  await first.user.click(await screen.findByRole("combobox", { name: "Role of Mina Park" }));
  await first.user.click(await screen.findByRole("option", { name: /^Viewer/ }));
  await waitFor(() =>
    expect(first.asked.find((call) => call.method === "PATCH")?.body).toEqual({ role: "viewer" }),
  );
  first.unmount();
  renderAt("/w/members", { "GET /w/members": members, ...viewer });
  expect(await screen.findByText("Only owners invite people and change roles.")).toBeVisible();
  expect(screen.queryByRole("combobox")).toBeNull();
  expect(screen.queryByRole("button", { name: "Invite by link" })).toBeNull();
});

test("an unknown address says so and leads back", async () => {
  renderAt("/nowhere");
  expect(await screen.findByText("There is no such page")).toBeVisible();
});
