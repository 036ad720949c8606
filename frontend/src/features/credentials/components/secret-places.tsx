import { Link } from "@tanstack/react-router";
import { useText } from "@/i18n";
import classes from "../credentials.module.css";
import { credentialsText } from "../text";

/** Between the two pages of what flows are given: credentials and variables. */
export function SecretPlaces({
  workspaceId,
  here,
}: {
  workspaceId: string;
  here: "credentials" | "variables";
}) {
  const t = useText(credentialsText);
  const params = { ws: workspaceId };
  return (
    <nav className={classes.places} aria-label={t("title")}>
      <Link
        to="/w/$ws/credentials"
        params={params}
        className={classes.place}
        data-here={here === "credentials"}
      >
        {t("tab.credentials")}
      </Link>
      <Link to="/w/$ws/variables" params={params} className={classes.place} data-here={here === "variables"}>
        {t("tab.variables")}
      </Link>
    </nav>
  );
}
