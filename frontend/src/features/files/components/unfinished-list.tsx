/** Uploads that a reload or a closed page broke off: choosing the same file again goes on with them. */
import { ActionIcon, Button, Progress } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import { tellProblem } from "@/components/toast";
import { formatBytes, useText } from "@/i18n";
import { unfinishedQuery, useDiscard } from "../api";
import classes from "../files-page.module.css";
import { filesText } from "../text";

type Props = { workspaceId: string; onChoose: () => void };

export function UnfinishedList({ workspaceId, onChoose }: Props) {
  const t = useText(filesText);
  const discard = useDiscard(workspaceId);
  const unfinished = useQuery(unfinishedQuery(workspaceId)).data ?? [];
  if (unfinished.length === 0) return null;
  return (
    <section className={classes.unfinished} aria-label={t("left.title")}>
      <p className="muted">{t("left.lead")}</p>
      {unfinished.map(({ id, name, received_bytes, size_bytes }) => (
        <div key={id}>
          <Icon name="pause" size={13} />
          <span className="cut" title={name}>
            {name}
          </span>
          <Progress value={(received_bytes / size_bytes) * 100} size={4} aria-label={name} color="gray" />
          <span className="muted num">
            {t("left.progress", { sent: formatBytes(received_bytes), total: formatBytes(size_bytes) })}
          </span>
          <Button size="compact-xs" variant="default" onClick={onChoose}>
            {t("left.choose")}
          </Button>
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={t("left.discard", { name })}
            title={t("left.discard", { name })}
            onClick={() => discard.mutate(id, { onError: tellProblem })}
          >
            <Icon name="trash" size={12} />
          </ActionIcon>
        </div>
      ))}
    </section>
  );
}
