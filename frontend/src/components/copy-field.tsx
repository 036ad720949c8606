import { Button, TextInput } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { useText } from "@/i18n";
import { commonText } from "./common-text";
import classes from "./copy-field.module.css";
import { Icon } from "./icon";

/** A value to take away: selected on focus, copied by the button. */
export function CopyField({ value, label }: { value: string; label: string }) {
  const t = useText(commonText);
  const clipboard = useClipboard({ timeout: 2000 });
  return (
    <div className={classes.row}>
      <TextInput
        readOnly
        aria-label={label}
        value={value}
        onFocus={(event) => event.currentTarget.select()}
        styles={{ input: { fontFamily: "var(--mono)" } }}
      />
      <Button
        variant="default"
        miw={92}
        leftSection={<Icon name={clipboard.copied ? "check" : "copy"} />}
        onClick={() => clipboard.copy(value)}
      >
        {clipboard.copied ? t("copied") : t("copy")}
      </Button>
    </div>
  );
}
