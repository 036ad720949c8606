import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

/** Where the Python server listens while the front end is developed; override with SAGE_DEV_SERVER. */
const server = process.env.SAGE_DEV_SERVER ?? "http://127.0.0.1:8080";
const proxied = ["/api", "/_allauth", "/admin", "/healthz", "/readyz", "/help", "/static"];

export default defineConfig({
  plugins: [react()],
  resolve: {
    alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) },
    // Two copies of yjs break instanceof checks between the provider and the editor binding.
    dedupe: ["yjs", "lib0", "@codemirror/state", "@codemirror/view"],
  },
  server: {
    host: "127.0.0.1",
    proxy: {
      ...Object.fromEntries(proxied.map((path) => [path, { target: server }])),
      "/ws": { target: server, ws: true },
    },
  },
  build: { target: "es2023", sourcemap: false, assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
  test: {
    environment: "happy-dom",
    setupFiles: ["src/testing/setup.ts"],
    css: { include: [] },
    restoreMocks: true,
    testTimeout: 30_000,
  },
});
