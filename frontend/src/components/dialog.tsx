/** Dialogs: one form with one named action, the failure shown inside, the focus kept by Mantine. */
import { Button, Modal } from "@mantine/core";
import type { FormEvent, ReactNode } from "react";
import { useText } from "@/i18n";
import { commonText } from "./common-text";
import classes from "./dialog.module.css";
import { ProblemNote } from "./problem-view";

type Props = {
  opened: boolean;
  onClose: () => void;
  title: string;
  /** Says what it will do: "Delete the flow". */
  action: string;
  onAction: () => void;
  busy?: boolean;
  error?: unknown;
  danger?: boolean;
  disabled?: boolean;
  children: ReactNode;
  size?: number;
};

export function FormDialog(props: Props) {
  const t = useText(commonText);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!props.disabled && !props.busy) props.onAction();
  };
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={props.title}
      size={props.size ?? 440}
      closeButtonProps={{ "aria-label": t("close") }}
    >
      <form onSubmit={submit} className={classes.form} noValidate>
        {props.children}
        {props.error ? <ProblemNote error={props.error} /> : null}
        <div className={classes.actions}>
          <Button variant="default" onClick={props.onClose}>
            {t("cancel")}
          </Button>
          <Button
            type="submit"
            loading={props.busy ?? false}
            disabled={props.disabled ?? false}
            {...(props.danger ? { color: "red" } : {})}
          >
            {props.action}
          </Button>
        </div>
      </form>
    </Modal>
  );
}
