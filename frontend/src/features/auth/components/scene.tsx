/** The flow drawn beside the sign-in form. A picture, not a canvas: nothing here can be touched. */
import { Icon, type IconName } from "@/components/icon";
import { type ShownState, StateRing } from "@/components/state-ring";
import { useText } from "@/i18n";
import { authText } from "../text";
import classes from "./scene.module.css";

type Card = {
  x: number;
  y: number;
  category: string;
  icon: IconName;
  name: string;
  summary: string;
  state: ShownState;
  result: string;
};

const ports: readonly [number, number][] = [
  [168, 116],
  [248, 44],
  [248, 188],
  [416, 44],
  [416, 188],
  [496, 116],
];
const wires = [
  "M168 116C210 116 210 44 248 44",
  "M168 116C210 116 210 188 248 188",
  "M416 44C458 44 458 116 496 116",
  "M416 188C458 188 458 116 496 116",
];

export function Scene() {
  const t = useText(authText);
  const cards: Card[] = [
    {
      x: 0,
      y: 80,
      category: "trigger",
      icon: "clock",
      name: t("scene.morning"),
      summary: t("scene.morning.sub"),
      state: "completed",
      result: "2 ms",
    },
    {
      x: 248,
      y: 8,
      category: "source",
      icon: "globe",
      name: t("scene.news"),
      summary: t("scene.news.sub"),
      state: "completed",
      result: t("scene.items", { time: "1.9 s", count: 84 }),
    },
    {
      x: 248,
      y: 152,
      category: "source",
      icon: "database",
      name: t("scene.orders"),
      summary: t("scene.orders.sub"),
      state: "completed",
      result: t("scene.items", { time: "0.3 s", count: 31 }),
    },
    {
      x: 496,
      y: 80,
      category: "ai",
      icon: "sparkle",
      name: t("scene.brief"),
      summary: t("scene.brief.sub"),
      state: "running",
      result: t("scene.tokens", { count: 212 }),
    },
  ];
  return (
    <div className={classes.scene}>
      <svg className={classes.wires} viewBox="0 0 664 232" aria-hidden="true">
        {wires.map((wire) => (
          <path key={wire} d={wire} />
        ))}
        {ports.map(([x, y]) => (
          <circle key={`${x}:${y}`} cx={x} cy={y} r="4.5" />
        ))}
      </svg>
      {cards.map((card) => (
        <div
          key={card.name}
          className={`${classes.card} cat-${card.category}`}
          data-state={card.state}
          style={{ left: card.x, top: card.y }}
        >
          <div className={classes.head}>
            <span className={classes.tile}>
              <Icon name={card.icon} />
            </span>
            <span className={classes.words}>
              <b>{card.name}</b>
              <i>{card.summary}</i>
            </span>
          </div>
          <div className={classes.foot}>
            <StateRing state={card.state} size={13} progress={card.state === "running" ? 0.6 : null} />
            {card.result}
          </div>
        </div>
      ))}
    </div>
  );
}
