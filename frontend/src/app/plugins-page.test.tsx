import { screen, within } from "@testing-library/react";
import { expect, test } from "vitest";
import { renderAt } from "@/testing/render";

const words = (en: string) => ({ en, zh: en });
const field = (name: string, more: object) => ({ name, type: "string", label: words(name), ...more });
const manifest = (config: object[], permissions: object) => ({
  id: "acme_notes",
  version: "1.2.0",
  name: words("Acme notes"),
  description: words(""),
  author: "",
  homepage: "",
  icon: "globe",
  requires: { python: [], plugins: {}, product: "" },
  permissions: { hosts: ["api.example.org"], files: "none", secrets: [], code: false, ...permissions },
  nodes: [
    {
      spec: {
        id: "acme_notes",
        version: "1.2.0",
        name: words("Notes"),
        category: "service",
        icon: "globe",
        config,
      },
    },
  ],
  credential_kinds: [{ id: "acme_key", name: words("Acme key") }],
});
const seen = (told: object) => ({
  id: "55555555-5555-4555-8555-555555555555",
  kind: "declaration",
  manifest: told,
  digest: "sha256:1",
  size_bytes: 900,
  conflicts: [],
  installed_version: null,
  installed_permissions: null,
});
const isolation = { level: "bubblewrap", takes_code: true, reason: words("") };
const kinds = {
  redirect_uri: "",
  items: [{ id: "bearer", name: words("Bearer token"), description: words(""), fields: [] }],
};

async function consentDialog(told: object) {
  const { user } = renderAt("/w/plugins", {
    "GET /w/plugins": { items: [], isolation },
    "GET /w/credentials/kinds": kinds,
    "POST /w/plugins/mcp-servers": seen(told),
  });
  await user.click((await screen.findAllByRole("button", { name: "Install a plug-in" }))[0] as HTMLElement);
  await user.click(await screen.findByRole("radio", { name: "An MCP server" }));
  await user.type(screen.getByLabelText("Address of the MCP server"), "https://mcp.example.org");
  await user.click(screen.getByRole("button", { name: "Look at it" }));
  await screen.findByRole("checkbox", { name: /^I have read/ });
  return screen.findByRole("dialog");
}

test("a plug-in's kinds of credentials and hosts are named before anybody consents", async () => {
  const credential = field("credential", { control: "credential", credential_kinds: ["bearer", "acme_key"] });
  const dialog = await consentDialog(manifest([credential], {}));
  expect(within(dialog).getByText("Sends requests to api.example.org")).toBeVisible();
  expect(
    await within(dialog).findByText(/Acme key \(acme_key\), Bearer token \(bearer\)$/),
  ).toHaveTextContent("Signs its requests in with credentials chosen in its nodes");
});

test("kinds whose values it reads, and the usual host of one for any host, are told apart", async () => {
  const config = [
    field("credential", { control: "credential", credential_kinds: ["bearer"] }),
    field("base_url", { default: "https://git.example.org/api" }),
  ];
  const dialog = await consentDialog(manifest(config, { hosts: ["*"], secrets: ["bearer"] }));
  expect(
    await within(dialog).findByText("Reads the values of credentials of the kinds Bearer token (bearer)"),
  ).toBeVisible();
  expect(within(dialog).queryByText(/^Signs its requests/)).toBeNull();
  expect(within(dialog).getByText(/usually to git.example.org$/)).toBeVisible();
});
