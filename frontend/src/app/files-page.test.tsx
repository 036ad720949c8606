import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderAt } from "@/testing/render";
import { page, workspace } from "@/testing/server";

const file = {
  id: "55555555-5555-4555-8555-555555555555",
  name: "orders.csv",
  mime: "text/csv",
  size_bytes: 9400,
  ref: "file:55555555-5555-4555-8555-555555555555",
  kind: "upload",
  run_id: null,
  created_at: "2026-11-20T10:00:00Z",
};
const kept = { count: 1, size_bytes: 9400 };
const storage = {
  used_bytes: 9400,
  quota_bytes: 50_000_000,
  max_upload_bytes: 100_000_000,
  uploads: kept,
  artifacts: kept,
  values: kept,
  vectors: kept,
  uploads_days: 0,
  artifacts_days: 90,
};
const there = { "GET /w/files": page([file]), "GET /w/storage": storage };

test("a file opens to its first rows", async () => {
  const { user } = renderAt("/w/files", {
    ...there,
    [`GET /w/files/${file.id}/preview`]: {
      kind: "table",
      text: "",
      columns: ["city", "total"],
      rows: [["Hangzhou", 12]],
      page_count: 0,
      is_cut: true,
      encoding: "",
    },
  });
  await user.click(await screen.findByRole("button", { name: "Look at “orders.csv”" }));
  const dialog = await screen.findByRole("dialog");
  expect(await within(dialog).findByRole("cell", { name: "Hangzhou" })).toBeVisible();
  expect(within(dialog).getByText("Only the beginning is shown.")).toBeVisible();
});

test("deleting a file names the flows that read it first", async () => {
  const { user, asked } = renderAt("/w/files", {
    ...there,
    "GET /w/flows": page([{ id: "33333333-3333-4333-8333-333333333333", name: "Clean a CSV" }]),
    [`DELETE /w/files/${file.id}`]: {},
  });
  await user.click(await screen.findByRole("button", { name: "Actions for “orders.csv”" }));
  await user.click(await screen.findByRole("menuitem", { name: "Delete" }));
  expect(await screen.findByRole("link", { name: "Clean a CSV" })).toBeVisible();
  await user.click(screen.getByRole("button", { name: "Delete the file" }));
  expect(await screen.findByText("Deleted “orders.csv”")).toBeVisible();
  expect(asked.filter((call) => call.method === "DELETE")).toHaveLength(1);
});

test("a viewer sees files and has no way to change them", async () => {
  renderAt("/w/files", {
    ...there,
    "GET /api/v1/workspaces": page([{ ...workspace, role: "viewer" }]),
  });
  expect(await screen.findByText("orders.csv")).toBeVisible();
  expect(await screen.findByText("90 days")).toBeVisible();
  expect(screen.queryByRole("button", { name: "Upload files" })).toBeNull();
  expect(screen.queryByRole("button", { name: "How long files are kept" })).toBeNull();
});
