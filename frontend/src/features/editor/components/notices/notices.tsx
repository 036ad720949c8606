/** What a person has to know now, above the canvas. */
import { AwayNotice } from "./away-notice";
import { ConnectionNotice } from "./connection-notice";
import { FollowNotice } from "./follow-notice";
import { KeptChanges } from "./kept-changes";
import classes from "./notices.module.css";

export function Notices() {
  return (
    <div className={classes.stack}>
      <ConnectionNotice />
      <KeptChanges />
      <FollowNotice />
      <AwayNotice />
    </div>
  );
}
