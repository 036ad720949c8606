import { NumberInput, Slider } from "@mantine/core";
import { useState } from "react";
import { useLocalText } from "../../../hooks/use-local-text";
import { useEditor } from "../../../stores/context";
import classes from "../inspector.module.css";
import type { ControlProps } from "./field-control";

/** The value stays as typed even outside the limits: the message says what is allowed. */
export function NumberField({ node, field, label, disabled }: ControlProps) {
  const { operations, undo } = useEditor();
  const local = useLocalText();
  const value = node.config[field.name] ?? field.default;
  const unit = local(field.unit);
  return (
    <NumberInput
      aria-label={label}
      disabled={disabled}
      allowDecimal={field.type !== "integer"}
      clampBehavior="none"
      step={field.type === "integer" ? 1 : stepOf(field.minimum, field.maximum)}
      value={typeof value === "number" ? value : ""}
      placeholder={local(field.placeholder)}
      {...(unit ? { suffix: ` ${unit}` } : {})}
      onFocus={() => undo.cut()}
      onBlur={() => undo.cut()}
      onChange={(next) => operations.setConfig(node.id, field.name, next === "" ? undefined : Number(next))}
    />
  );
}

export function SliderField(props: ControlProps) {
  const { node, field, label, disabled } = props;
  const { operations, undo } = useEditor();
  const stored = node.config[field.name] ?? field.default;
  const [moving, setMoving] = useState<number | null>(null);
  const value = moving ?? (typeof stored === "number" ? stored : (field.minimum ?? 0));
  return (
    <div className={classes.slider}>
      <Slider
        aria-label={label}
        thumbLabel={label}
        disabled={disabled}
        size={4}
        label={null}
        min={field.minimum ?? 0}
        max={field.maximum ?? 100}
        step={field.type === "integer" ? 1 : stepOf(field.minimum, field.maximum)}
        value={value}
        onChange={setMoving}
        onChangeEnd={(next) => {
          setMoving(null);
          undo.cut();
          operations.setConfig(node.id, field.name, next);
          undo.cut();
        }}
      />
      <div className={classes.sliderNumber}>
        <NumberField {...props} />
      </div>
    </div>
  );
}

function stepOf(minimum = 0, maximum = 100): number {
  return maximum - minimum <= 2 ? 0.05 : maximum - minimum <= 20 ? 0.1 : 1;
}
