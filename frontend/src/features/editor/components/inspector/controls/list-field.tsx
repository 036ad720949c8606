import { TagsInput } from "@mantine/core";
import { useLocalText } from "../../../hooks/use-local-text";
import { useEditor } from "../../../stores/context";
import type { ControlProps } from "./field-control";

/** A list of words: Enter or a comma ends one. */
export function ListField({ node, field, label, disabled }: ControlProps) {
  const { operations, undo } = useEditor();
  const local = useLocalText();
  const value = node.config[field.name] ?? field.default;
  const words = Array.isArray(value) ? value.map(String) : [];
  return (
    <TagsInput
      aria-label={label}
      disabled={disabled}
      value={words}
      acceptValueOnBlur
      placeholder={words.length === 0 ? local(field.placeholder) : ""}
      onChange={(next) => {
        undo.cut();
        operations.setConfig(node.id, field.name, next);
        undo.cut();
      }}
    />
  );
}
