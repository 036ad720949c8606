import { Chip } from "@/components/chip";
import { PersonAvatar } from "@/components/person-avatar";
import { formatFullTime, formatTime, useText } from "@/i18n";
import type { Version, VersionPage } from "@/lib/api";
import classes from "../history-page.module.css";
import { versionsText } from "../text";

type Props = { page: VersionPage; chosen: number; onChoose: (number: number) => void };

export function VersionList({ page, chosen, onChoose }: Props) {
  const t = useText(versionsText);
  const newest = page.items[0]?.number ?? 0;
  return (
    <ol className={classes.list} aria-label={t("list")}>
      <li>
        <div className={classes.version}>
          <span className={classes.dot} data-draft="true" />
          <span className={classes.words}>
            <b>{t("draft")}</b>
            <span className={classes.message}>
              {t(page.draft_changed ? "draft.changed" : "draft.same", { number: newest })}
            </span>
          </span>
        </div>
      </li>
      {page.items.map((version) => (
        <li key={version.number}>
          <Entry
            version={version}
            chosen={version.number === chosen}
            onChoose={() => onChoose(version.number)}
          />
        </li>
      ))}
    </ol>
  );
}

function Entry({ version, chosen, onChoose }: { version: Version; chosen: boolean; onChoose: () => void }) {
  const t = useText(versionsText);
  return (
    <button type="button" className={classes.version} aria-pressed={chosen} onClick={onChoose}>
      <span className={classes.dot} />
      <span className={classes.words}>
        <b>
          v{version.number}
          {version.published && <Chip tone="ok">{t("published")}</Chip>}
        </b>
        <span className={classes.message}>{version.message}</span>
        <span className={classes.by}>
          {version.author && <PersonAvatar person={version.author} size={16} />}
          <span className="cut">{version.author?.name ?? t("unknown")}</span>·
          <time dateTime={version.created_at} title={formatFullTime(version.created_at)}>
            {formatTime(version.created_at)}
          </time>
        </span>
      </span>
    </button>
  );
}
