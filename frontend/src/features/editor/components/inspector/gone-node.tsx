/** The open node was deleted by somebody else: who, and the way back. Nothing closes by itself. */
import { Icon } from "@/components/icon";
import { deletionOf } from "@/flow-core";
import { useText } from "@/i18n";
import { collabText } from "../../collab-text";
import { useLocalText } from "../../hooks/use-local-text";
import { useCanEdit, useCatalogue, useEditor, useFlow, usePresence } from "../../stores/context";
import { select } from "../../stores/ui-store";
import classes from "./gone-node.module.css";

export function GoneNode({ id }: { id: string }) {
  const session = useEditor();
  const gone = useFlow(() => deletionKey(deletionOf(session.roots, id)));
  const windows = usePresence((state) => state.windows);
  const types = useCatalogue();
  const local = useLocalText();
  const canEdit = useCanEdit();
  const t = useText(collabText);
  const deletion = gone ? deletionOf(session.roots, id) : null;
  if (!deletion || deletion.clientId === session.doc.clientID) return null;
  const by = windows.find((peer) => peer.clientId === deletion.clientId)?.user.name;
  const node = deletion.node.name || local(types.get(deletion.node.type)?.name) || id;
  return (
    <aside className={classes.gone} data-testid="inspector" aria-label={t("gone.title")}>
      <div role="alert" data-testid="gone-node">
        <Icon name="trash" size={20} />
        <h2>{t("gone.title")}</h2>
        <p>{by ? t("gone.by", { name: by, node }) : t("gone.somebody", { node })}</p>
        <div className={classes.actions}>
          {canEdit && (
            <button
              type="button"
              onClick={() => session.bringIn("restore_node", [{ op: "add_node", node: deletion.node }])}
            >
              <Icon name="undo" /> {t("gone.restore")}
            </button>
          )}
          <button type="button" onClick={() => select(session.ui, [])}>
            {t("gone.close")}
          </button>
        </div>
      </div>
    </aside>
  );
}

function deletionKey(deletion: ReturnType<typeof deletionOf>): string {
  return deletion ? `${deletion.clientId}:${deletion.node.id}` : "";
}
