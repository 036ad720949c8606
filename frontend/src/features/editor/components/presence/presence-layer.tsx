/** Other people on the canvas: their pointers, who is beyond the edge, and whom one follows. */
import { useStoreApi } from "@xyflow/react";
import { useEffect, useRef, useState } from "react";
import { Icon } from "@/components/icon";
import { colorOf, type Peer } from "@/flow-core";
import { useText } from "@/i18n";
import { collabText } from "../../collab-text";
import { useView } from "../../hooks/use-view";
import { useEditor, usePresence } from "../../stores/context";
import { CursorMotion } from "./cursor-motion";
import classes from "./presence-layer.module.css";
import { useFollowing } from "./use-following";

export function PresenceLayer() {
  const layer = useRef<HTMLDivElement>(null);
  useFollowing(layer);
  return (
    <div ref={layer} className={classes.layer} data-testid="presence-layer">
      <Cursors />
    </div>
  );
}

function Cursors() {
  const motion = useCursorMotion();
  const windows = usePresence((state) => state.windows);
  if (!motion) return null;
  return windows.map((peer) => <Cursor key={peer.clientId} peer={peer} motion={motion} />);
}

function Cursor({ peer, motion }: { peer: Peer; motion: CursorMotion }) {
  const view = useView();
  const t = useText(collabText);
  const go = (): void => {
    const target = motion.targetOf(peer.clientId);
    if (target) view.center(target.x, target.y, 320);
  };
  return (
    <div
      ref={(element) => motion.attach(peer.clientId, element)}
      className={classes.cursor}
      data-testid="remote-cursor"
      data-shown="false"
      data-away="false"
      style={{ "--u": colorOf(peer.user) } as React.CSSProperties}
    >
      <svg className={classes.arrow} width="16" height="18" viewBox="0 0 16 18" aria-hidden="true">
        <path
          d="M1.5 1.5l4.2 13 2.3-5.6 5.8-1.6z"
          fill="var(--u)"
          stroke="var(--surface)"
          strokeWidth="1.2"
        />
      </svg>
      <span className={classes.name}>{peer.user.name}</span>
      <button
        type="button"
        className={classes.edge}
        onClick={go}
        aria-label={t("cursor.go", { name: peer.user.name })}
      >
        <i>
          <Icon name="chevron-right" size={12} />
        </i>
        {peer.user.name}
      </button>
    </div>
  );
}

/** One mover per canvas; it follows the viewport as well as the people. */
function useCursorMotion(): CursorMotion | null {
  const { provider } = useEditor();
  const store = useStoreApi();
  const [motion, setMotion] = useState<CursorMotion | null>(null);
  useEffect(() => {
    const view = () => {
      const { transform, width, height } = store.getState();
      return { x: transform[0], y: transform[1], zoom: transform[2], width, height };
    };
    const still = window.matchMedia("(prefers-reduced-motion: reduce)");
    const made = new CursorMotion(provider.awareness, view, () => still.matches);
    const stop = store.subscribe((state, before) => {
      const moved = state.transform !== before.transform;
      if (moved || state.width !== before.width || state.height !== before.height) made.wake();
    });
    setMotion(made);
    return () => {
      stop();
      made.destroy();
    };
  }, [provider, store]);
  return motion;
}
