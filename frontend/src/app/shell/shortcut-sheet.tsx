import { Kbd, Modal } from "@mantine/core";
import { commonText } from "@/components/common-text";
import { useText } from "@/i18n";
import { appText } from "../text";
import classes from "./shortcut-sheet.module.css";

const everywhere = {
  title: "shortcuts.everywhere",
  rows: [
    ["shortcuts.palette", ["Ctrl", "K"]],
    ["shortcuts.this", ["?"]],
    ["shortcuts.goFlows", ["G", "F"]],
    ["shortcuts.goRuns", ["G", "R"]],
    ["shortcuts.goApprovals", ["G", "A"]],
    ["shortcuts.goTemplates", ["G", "T"]],
  ],
} as const;

const lists = {
  title: "shortcuts.lists",
  rows: [
    ["shortcuts.search", ["/"]],
    ["shortcuts.new", ["N"]],
  ],
} as const;

const editor = {
  title: "shortcuts.editor",
  rows: [
    ["shortcuts.add", ["Tab"]],
    ["shortcuts.run", ["Ctrl", "Enter"]],
    ["shortcuts.undo", ["Ctrl", "Z"]],
    ["shortcuts.redo", ["Ctrl", "Y"]],
    ["shortcuts.rename", ["F2"]],
    ["shortcuts.disable", ["D"]],
    ["shortcuts.duplicate", ["Ctrl", "D"]],
    ["shortcuts.copy", ["Ctrl", "C"]],
    ["shortcuts.paste", ["Ctrl", "V"]],
    ["shortcuts.all", ["Ctrl", "A"]],
    ["shortcuts.delete", ["Delete"]],
    ["shortcuts.bridge", ["Ctrl", "Delete"]],
    ["shortcuts.walk", ["←", "→", "↑", "↓"]],
    ["shortcuts.fields", ["Enter"]],
    ["shortcuts.nudge", ["Shift", "← → ↑ ↓"]],
    ["shortcuts.tools", ["V", "H", "C"]],
    ["shortcuts.fit", ["1"]],
    ["shortcuts.reset", ["0"]],
  ],
} as const;

const groupsOf = { editor: [editor, everywhere], lists: [everywhere, lists] } as const;

type Props = { opened: boolean; place: keyof typeof groupsOf; onClose: () => void };

export function ShortcutSheet({ opened, place, onClose }: Props) {
  const t = useText(appText);
  const common = useText(commonText);
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={t("shortcuts.title")}
      size={420}
      closeButtonProps={{ "aria-label": common("close") }}
    >
      {groupsOf[place].map((group) => (
        <section key={group.title} className={classes.group}>
          <h3>{t(group.title)}</h3>
          <dl>
            {group.rows.map(([label, keys]) => (
              <div key={label}>
                <dt>{t(label)}</dt>
                <dd>
                  {keys.map((key) => (
                    <Kbd key={key}>{key}</Kbd>
                  ))}
                </dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Modal>
  );
}
