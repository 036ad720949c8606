/** CodeMirror is as large as the rest of the editor; it is fetched when the first text field shows. */
import { type ComponentProps, lazy, Suspense } from "react";
import classes from "./code-editor.module.css";

const load = () => import("./code-editor");
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
