import type { Person } from "@/lib/api";
import classes from "./person-avatar.module.css";

/** Two letters of a Latin name, the first character of a Chinese one. */
export function initials(name: string): string {
  const trimmed = name.trim();
  if (trimmed === "") return "?";
  if (/^\p{Script=Han}/u.test(trimmed)) return [...trimmed][0] ?? "?";
  const words = trimmed.split(/\s+/);
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : ""];
  return letters
    .map((word) => [...(word ?? "")][0] ?? "")
    .join("")
    .toUpperCase();
}

/** The server numbers presence colours from 1; all eight carry white text. */
export function personColor(index: number): string {
  return `var(--user-${((((index - 1) % 8) + 8) % 8) + 1})`;
}

type Props = { person: Pick<Person, "name" | "color">; size?: number };

export function PersonAvatar({ person, size = 20 }: Props) {
  return (
    <span
      className={classes.avatar}
      style={{
        width: size,
        height: size,
        fontSize: Math.max(8.5, size * 0.4),
        background: personColor(person.color),
      }}
      aria-hidden="true"
    >
      {initials(person.name)}
    </span>
  );
}

export function PersonName({ person, size = 20 }: Props) {
  return (
    <span className={classes.named} title={person.name}>
      <PersonAvatar person={person} size={size} />
      <span className="cut">{person.name}</span>
    </span>
  );
}
