import { ActionIcon, Kbd, TextInput } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useRef } from "react";
import { useText } from "@/i18n";
import { commonText } from "./common-text";
import { Icon } from "./icon";

type Props = { value: string; onChange: (value: string) => void; label: string; width?: number };

/** Search within the page; "/" moves the focus here. */
export function SearchBox({ value, onChange, label, width = 260 }: Props) {
  const t = useText(commonText);
  const input = useRef<HTMLInputElement>(null);
  useHotkeys([["/", () => input.current?.focus()]]);
  return (
    <TextInput
      ref={input}
      w={width}
      type="search"
      value={value}
      aria-label={label}
      placeholder={label}
      onChange={(event) => onChange(event.currentTarget.value)}
      leftSection={<Icon name="search" />}
      rightSection={
        value === "" ? (
          <Kbd fz={10.5}>/</Kbd>
        ) : (
          <ActionIcon
            variant="subtle"
            color="gray"
            size={20}
            aria-label={t("search.clear")}
            onClick={() => onChange("")}
          >
            <Icon name="close" size={12} />
          </ActionIcon>
        )
      }
    />
  );
}
