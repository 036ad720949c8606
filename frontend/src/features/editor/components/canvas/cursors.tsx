/** Other people's pointers, in canvas coordinates, at the same size whatever the zoom. */
import { ViewportPortal } from "@xyflow/react";
import { colorOf } from "@/flow-core";
import { usePresence } from "../../stores/context";
import classes from "./cursors.module.css";

export function Cursors() {
  const peers = usePresence((state) => state.peers);
  return (
    <ViewportPortal>
      {peers.map((peer) =>
        peer.cursor ? (
          <div
            key={peer.clientId}
            className={classes.cursor}
            data-testid="remote-cursor"
            style={
              {
                transform: `translate(${peer.cursor.x}px, ${peer.cursor.y}px)`,
                "--u": colorOf(peer.user),
              } as React.CSSProperties
            }
          >
            <div className={classes.inner}>
              <svg width="16" height="18" viewBox="0 0 16 18" aria-hidden="true">
                <path
                  d="M1.5 1.5l4.2 13 2.3-5.6 5.8-1.6z"
                  fill="var(--u)"
                  stroke="var(--surface)"
                  strokeWidth="1.2"
                />
              </svg>
              <span>{peer.user.name}</span>
            </div>
          </div>
        ) : null,
      )}
    </ViewportPortal>
  );
}
