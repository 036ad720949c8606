/** The 16-pixel state icon of a run or a node: each state has its own shape, the colour only repeats it. */

import { useText } from "@/i18n";
import type { NodeState, RunState } from "@/lib/api";
import classes from "./state-ring.module.css";
import { statesText } from "./states-text";

export type ShownState = RunState | NodeState | "cached";

type RingProps = {
  state: ShownState /** 0–1 while running; without it the ring turns. */;
  progress?: number | null;
  size?: number;
};

const circumference = 2 * Math.PI * 6;

function Solid({ fill, mark }: { fill: string; mark: string }) {
  return (
    <>
      <circle cx="8" cy="8" r="6.5" fill={fill} stroke="none" />
      <path d={mark} stroke="var(--on-status)" />
    </>
  );
}

function Running({ progress }: { progress: number | null | undefined }) {
  const share = progress ?? 0.28;
  return (
    <>
      <circle cx="8" cy="8" r="6" stroke="color-mix(in srgb,var(--info) 25%,transparent)" strokeWidth="2" />
      <circle
        className={progress === null || progress === undefined ? classes.turning : undefined}
        cx="8"
        cy="8"
        r="6"
        stroke="var(--info)"
        strokeWidth="2"
        strokeDasharray={`${share * circumference} ${circumference}`}
        transform="rotate(-90 8 8)"
      />
    </>
  );
}

function shape(state: ShownState, progress: number | null | undefined) {
  switch (state) {
    case "completed":
      return <Solid fill="var(--success)" mark="M5.300 8.200l1.900 1.900 3.500-4" />;
    case "failed":
      return <Solid fill="var(--danger)" mark="M6 6l4 4M10 6l-4 4" />;
    case "paused":
    case "waiting":
      return <Solid fill="var(--warning)" mark="M6.700 6v4M9.300 6v4" />;
    case "running":
      return <Running progress={progress} />;
    case "queued":
    case "ready":
      return <circle cx="8" cy="8" r="6" stroke="var(--grey-8)" strokeDasharray="2 2.7" />;
    case "skipped":
    case "cancelled":
      return (
        <>
          <circle cx="8" cy="8" r="6" stroke="var(--grey-8)" />
          <path d="M5.500 8h5" stroke="var(--grey-8)" />
        </>
      );
    case "cached":
      return (
        <>
          <circle cx="8" cy="8" r="6" stroke="var(--success)" />
          <path d="M8.700 4.500L6 8.500h2l-.7 3L10 7.500H8z" fill="var(--success)" stroke="none" />
        </>
      );
    case "pending":
      return <circle cx="8" cy="8" r="6" stroke="var(--line-strong)" />;
  }
}

export function StateRing({ state, progress, size = 16 }: RingProps) {
  return (
    <svg
      aria-hidden="true"
      className={classes.ring}
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      strokeWidth="1.5"
      strokeLinecap="round"
      strokeLinejoin="round"
      data-state={state}
    >
      {shape(state, progress)}
    </svg>
  );
}

export function StateLabel({ state }: { state: ShownState }) {
  const t = useText(statesText);
  return (
    <span className={classes.label}>
      <StateRing state={state} />
      {t(state)}
    </span>
  );
}
