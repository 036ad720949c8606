/**
 * CodeMirror is as large as the rest of the editor: it is fetched when the editor has come to rest,
 * or when the first text field shows. Without a network the field waits, and the flow stays open.
 */
import { type ComponentProps, lazy, Suspense, useEffect } from "react";
import classes from "./code-editor.module.css";

const AGAIN_MS = 3_000;

async function load(): Promise<typeof import("./code-editor")> {
  for (;;) {
    try {
      return await import("./code-editor");
    } catch {
      await soon();
    }
  }
}

function soon(): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      clearTimeout(timer);
      window.removeEventListener("online", go);
      resolve();
    };
    const timer = setTimeout(go, AGAIN_MS);
    window.addEventListener("online", go);
  });
}

/** So that a text can be opened after the network is gone. */
export function useCodeEditorAhead(): void {
  useEffect(() => {
    const timer = setTimeout(() => void load(), 500);
    return () => clearTimeout(timer);
  }, []);
}

const Own = lazy(async () => ({ default: (await load()).CodeEditor }));
const Shared = lazy(async () => ({ default: (await load()).SharedCodeEditor }));

/** The same box as the editor that will stand there, so that nothing moves. */
function Waiting({ tall, bare }: { tall?: boolean; bare?: boolean }) {
  return (
    <div
      className={classes.editor}
      data-tall={tall || undefined}
      data-bare={bare || undefined}
      data-waiting=""
    />
  );
}

export function CodeEditor(props: ComponentProps<typeof Own>) {
  return (
    <Suspense fallback={<Waiting bare={props.bare ?? false} />}>
      <Own {...props} />
    </Suspense>
  );
}

export function SharedCodeEditor(props: ComponentProps<typeof Shared>) {
  return (
    <Suspense fallback={<Waiting tall />}>
      <Shared {...props} />
    </Suspense>
  );
}
