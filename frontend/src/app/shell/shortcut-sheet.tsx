import { Kbd, Modal } from "@mantine/core";
import { commonText } from "@/components/common-text";
import { useText } from "@/i18n";
import { appText } from "../text";
import classes from "./shortcut-sheet.module.css";

const groups = [
  {
    title: "shortcuts.everywhere",
    rows: [
      ["shortcuts.palette", ["Ctrl", "K"]],
      ["shortcuts.this", ["?"]],
      ["shortcuts.goFlows", ["G", "F"]],
      ["shortcuts.goRuns", ["G", "R"]],
      ["shortcuts.goTemplates", ["G", "T"]],
    ],
  },
  {
    title: "shortcuts.lists",
    rows: [
      ["shortcuts.search", ["/"]],
      ["shortcuts.new", ["N"]],
    ],
  },
] as const;

export function ShortcutSheet({ opened, onClose }: { opened: boolean; onClose: () => void }) {
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
      {groups.map((group) => (
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
