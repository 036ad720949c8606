import { Button, Indicator, Popover, ScrollArea, Skeleton, Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { QueryView } from "@/components/query-view";
import { formatFullTime, formatTime, useText } from "@/i18n";
import type { Notification, NotificationPage } from "@/lib/api";
import { notificationsQuery, useNotificationsRead } from "./api";
import classes from "./notification-bell.module.css";
import { notificationsText } from "./text";

/** A notification may point to a page of this site; anything else is shown without a link. */
function isOwnPage(url: string): boolean {
  return url.startsWith("/") && !url.startsWith("//");
}

export function NotificationBell({ className }: { className: string }) {
  const t = useText(notificationsText);
  const query = useQuery(notificationsQuery);
  const [opened, setOpened] = useState(false);
  const unread = query.data?.unread ?? 0;
  const label = unread > 0 ? t("open", { count: unread }) : t("open.none");
  return (
    <Popover opened={opened} onChange={setOpened} position="right-end" width={360} offset={10} trapFocus>
      <Popover.Target>
        <Tooltip label={label} position="right" disabled={opened}>
          <button
            type="button"
            className={className}
            aria-label={label}
            onClick={() => setOpened((value) => !value)}
          >
            <Indicator disabled={unread === 0} size={8} offset={2} color="var(--danger)">
              <Icon name="bell" size={18} />
            </Indicator>
          </button>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown p={0}>
        <NotificationList query={query} unread={unread} onLeave={() => setOpened(false)} />
      </Popover.Dropdown>
    </Popover>
  );
}

type ListProps = {
  query: ReturnType<typeof useQuery<NotificationPage>>;
  unread: number;
  onLeave: () => void;
};

function NotificationList({ query, unread, onLeave }: ListProps) {
  const t = useText(notificationsText);
  const read = useNotificationsRead();
  return (
    <section aria-label={t("title")}>
      <header className={classes.head}>
        <h2>{t("title")}</h2>
        {unread > 0 && (
          <Button variant="subtle" size="xs" loading={read.isPending} onClick={() => read.mutate(null)}>
            {t("readAll")}
          </Button>
        )}
      </header>
      <ScrollArea.Autosize mah={420}>
        <QueryView
          query={query}
          skeleton={<Skeleton m={14} height={40} width="auto" />}
          isEmpty={(page) => page.items.length === 0}
          empty={
            <div className={classes.empty}>
              <b>{t("empty")}</b>
              {t("empty.lead")}
            </div>
          }
        >
          {({ items }) => items.map((item) => <Item key={item.id} item={item} onLeave={onLeave} />)}
        </QueryView>
      </ScrollArea.Autosize>
    </section>
  );
}

function Item({ item, onLeave }: { item: Notification; onLeave: () => void }) {
  const t = useText(notificationsText);
  const navigate = useNavigate();
  const read = useNotificationsRead();
  const open = () => {
    if (item.read_at === null) read.mutate([item.id]);
    if (!isOwnPage(item.link)) return;
    onLeave();
    void navigate({ to: item.link });
  };
  return (
    <button type="button" className={classes.item} onClick={open} data-unread={item.read_at === null}>
      <span className={classes.dot}>
        {item.read_at === null && <span className="sr-only">{t("unread")}</span>}
      </span>
      <span className={classes.words}>
        <b>{item.title}</b>
        {item.body && <span className={classes.body}>{item.body}</span>}
        <time dateTime={item.created_at} title={formatFullTime(item.created_at)}>
          {formatTime(item.created_at)}
        </time>
      </span>
    </button>
  );
}
