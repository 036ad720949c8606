import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Where the Python server listens while the front end is developed; override with SAGE_DEV_SERVER. */
const server = process.env.SAGE_DEV_SERVER ?? "http://127.0.0.1:8080";
const proxied = ["/api", "/_allauth", "/admin", "/healthz", "/readyz", "/help", "/static"];

/** Smaller twins beside the hashed files; the server sends them to browsers that take them. */
function compressed(): Plugin {
  return {
    name: "compressed-twins",
    apply: "build",
    async writeBundle({ dir = "dist" }) {
      const names = await readdir(dir, { recursive: true });
      await Promise.all(
        names
          .filter((name) => /\.(js|css|svg)$/.test(name))
          .map(async (name) => {
            const path = join(dir, name);
            const content = await readFile(path);
            await writeFile(`${path}.gz`, await promisify(gzip)(content, { level: 9 }));
            await writeFile(
              `${path}.br`,
              await promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }),
            );
          }),
      );
    },
  };
}

export default defineConfig({
  plugins: [react(), compressed()],
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
