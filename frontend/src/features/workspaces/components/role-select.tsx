import { Select } from "@mantine/core";
import { commonText } from "@/components/common-text";
import { useText } from "@/i18n";
import type { Role } from "@/lib/api";
import classes from "../members-page.module.css";
import { workspacesText } from "../text";

export const roles: readonly Role[] = ["viewer", "editor", "owner"];

type Props = {
  value: Role;
  onChange: (role: Role) => void;
  label: string;
  hideLabel?: boolean;
  disabled?: boolean;
};

/** The three roles, each with what it may do. */
export function RoleSelect({ value, onChange, label, hideLabel = false, disabled = false }: Props) {
  const t = useText(workspacesText);
  const common = useText(commonText);
  return (
    <Select
      {...(hideLabel ? { "aria-label": label } : { label })}
      value={value}
      disabled={disabled}
      allowDeselect={false}
      data={roles.map((role) => ({ value: role, label: common(`role.${role}`) }))}
      onChange={(role) => role && onChange(role as Role)}
      comboboxProps={{ width: 280, position: "bottom-start" }}
      renderOption={({ option }) => (
        <span className={classes.options}>
          <span>{option.label}</span>
          <small>{t(`role.${option.value as Role}.about`)}</small>
        </span>
      )}
    />
  );
}
