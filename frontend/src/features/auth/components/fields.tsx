import { PasswordInput, TextInput } from "@mantine/core";
import type { ReactNode } from "react";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { authText } from "../text";

type FieldProps = {
  value: string;
  onChange: (value: string) => void;
  error?: string | null;
  autoFocus?: boolean;
};

export function EmailField({ value, onChange, error, autoFocus }: FieldProps) {
  const t = useText(authText);
  return (
    <TextInput
      size="lg"
      type="email"
      name="email"
      autoComplete="username"
      required
      withAsterisk={false}
      label={t("email")}
      value={value}
      error={error}
      data-autofocus={autoFocus}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}

type PasswordProps = FieldProps & { label?: string; fresh?: boolean; aside?: ReactNode };

export function PasswordField({ value, onChange, error, label, fresh = false }: PasswordProps) {
  const t = useText(authText);
  return (
    <PasswordInput
      size="lg"
      name="password"
      autoComplete={fresh ? "new-password" : "current-password"}
      required
      withAsterisk={false}
      label={label ?? t("password")}
      description={fresh ? t("password.hint") : undefined}
      inputWrapperOrder={["label", "input", "description", "error"]}
      value={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.value)}
      visibilityToggleIcon={({ reveal }) => (
        <Icon name="eye" size={16} style={{ opacity: reveal ? 1 : 0.7 }} />
      )}
      visibilityToggleButtonProps={{ "aria-label": t("password.show") }}
    />
  );
}

export function NameField({ value, onChange, error }: FieldProps) {
  const t = useText(authText);
  return (
    <TextInput
      size="lg"
      name="name"
      autoComplete="name"
      required
      withAsterisk={false}
      label={t("name")}
      description={t("name.hint")}
      inputWrapperOrder={["label", "input", "description", "error"]}
      value={value}
      error={error}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
