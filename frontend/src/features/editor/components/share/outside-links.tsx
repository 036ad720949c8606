/** Links that show the drawing to people outside: make, copy, take back. */
import { Button, Select, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { CopyField } from "@/components/copy-field";
import { QueryView } from "@/components/query-view";
import { tell, tellProblem } from "@/components/toast";
import { formatDate, useText } from "@/i18n";
import type { ShareLink } from "@/lib/api";
import { shareLinksQuery, useShareLinkCreate, useShareLinkDelete } from "../../api/sharing";
import { useEditor } from "../../stores/context";
import classes from "./share.module.css";
import { shareText } from "./text";

const LIVES = ["7", "30", "0"] as const;
type Life = (typeof LIVES)[number];

export function OutsideLinks() {
  const t = useText(shareText);
  const { workspaceId, flowId } = useEditor();
  const query = useQuery(shareLinksQuery(workspaceId, flowId));
  const create = useShareLinkCreate(workspaceId, flowId);
  const [life, setLife] = useState<Life>("30");
  return (
    <section>
      <h3>{t("outside")}</h3>
      <p>{t("outside.lead")}</p>
      <QueryView
        query={query}
        skeleton={<Skeleton height={28} />}
        isEmpty={(links) => links.length === 0}
        empty={<p className={classes.none}>{t("outside.none")}</p>}
      >
        {(links) => (
          <ul className={classes.links}>
            {links.map((link, index) => (
              <LinkRow key={link.id} link={link} number={links.length - index} />
            ))}
          </ul>
        )}
      </QueryView>
      <div className={classes.make}>
        <Select
          aria-label={t("expires")}
          w={150}
          allowDeselect={false}
          value={life}
          data={LIVES.map((value) => ({ value, label: t(`expires.${value}`) }))}
          onChange={(value) => value && setLife(value as Life)}
        />
        <Button
          variant="default"
          loading={create.isPending}
          onClick={() => create.mutate(Number(life) || null, { onError: tellProblem })}
        >
          {t("makeLink")}
        </Button>
      </div>
    </section>
  );
}

function LinkRow({ link, number }: { link: ShareLink; number: number }) {
  const t = useText(shareText);
  const { workspaceId, flowId } = useEditor();
  const remove = useShareLinkDelete(workspaceId, flowId);
  return (
    <li>
      <CopyField value={link.url} label={t("outside.label", { number })} />
      <span className={classes.about}>
        {link.expires_at ? t("outside.until", { date: formatDate(link.expires_at) }) : t("outside.always")} ·{" "}
        {t("outside.by", { name: link.created_by.name })}
        <button
          type="button"
          disabled={remove.isPending}
          onClick={() =>
            remove.mutate(link.id, { onSuccess: () => tell(t("takenBack")), onError: tellProblem })
          }
        >
          {t("takeBack")}
        </button>
      </span>
    </li>
  );
}
