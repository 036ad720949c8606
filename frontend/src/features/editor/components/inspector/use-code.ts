/** What the editor of a node's code knows of its node: the names its inputs have, and where it failed. */
import type { FlowNode, Json } from "@/flow-core";
import { useEditor, useRuns } from "../../stores/context";
import { nodeRun } from "../../stores/run-store";
import type { CodeFailure } from "./code-mode";
import type { Completion } from "./use-scope";

/** Read when the list opens, so that typing does not depend on the document. */
export function useInputNames(nodeId: string): () => Completion[] {
  const { live } = useEditor();
  return () => inputNames(live.snapshot.nodesById.get(nodeId));
}

export function inputNames(node: Pick<FlowNode, "config"> | undefined): Completion[] {
  const inputs = node?.config.inputs;
  const given = isObject(inputs) ? Object.keys(inputs) : [];
  const named = given.map((written) => {
    const [name = "", type = "any"] = written.split(":").map((part) => part.trim());
    return { label: name, detail: type };
  });
  const own =
    node?.config.mode === "each"
      ? [
          { label: "item", detail: "any" },
          { label: "index", detail: "integer" },
        ]
      : [{ label: "items", detail: "array" }];
  return [...own, { label: "value", detail: "any" }, ...named];
}

export function useCodeFailure(nodeId: string): CodeFailure | null {
  const error = useRuns((state) => nodeRun(state, nodeId)?.error ?? null);
  return error ? codeFailure(error) : null;
}

export function codeFailure(error: { code: string; message: string; details?: Json }): CodeFailure | null {
  if (!error.code.startsWith("sandbox.") || !isObject(error.details)) return null;
  const { line, column, source_line: sourceLine, kind, message } = error.details;
  if (typeof line !== "number" || typeof column !== "number" || typeof sourceLine !== "string") return null;
  return { line, column, sourceLine, message: `${kind}: ${message}` };
}

function isObject(value: Json | undefined): value is { [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
