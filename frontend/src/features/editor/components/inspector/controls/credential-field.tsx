import { Select } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { credentialsQuery } from "../../../api/queries";
import { useEditor } from "../../../stores/context";
import { editorText } from "../../../text";
import classes from "../inspector.module.css";
import type { ControlProps } from "./field-control";

/** Credentials by name; the secret itself never reaches the browser. */
export function CredentialField({ node, field, label, disabled }: ControlProps) {
  const { operations, undo, workspaceId } = useEditor();
  const t = useText(editorText);
  const query = useQuery(credentialsQuery(workspaceId));
  const value = node.config[field.name];
  const names = (query.data ?? [])
    .filter((item) => !field.credential_kinds?.length || field.credential_kinds.includes(item.kind))
    .map((item) => item.name);
  const current = typeof value === "string" && value !== "" ? value : null;
  const data = current && !names.includes(current) ? [...names, current] : names;
  if (query.isSuccess && data.length === 0 && !disabled) {
    return (
      <a className={classes.link} href={`/w/${workspaceId}/credentials`}>
        <Icon name="key" size={13} /> {t("credential.none")}
      </a>
    );
  }
  return (
    <Select
      aria-label={label}
      disabled={disabled}
      leftSection={<Icon name="key" size={13} />}
      data={data}
      value={current}
      clearable
      placeholder={t("credential.choose")}
      onChange={(next) => {
        undo.cut();
        operations.setConfig(node.id, field.name, next ?? undefined);
        undo.cut();
      }}
    />
  );
}
