import { Button, Checkbox, Modal, Select, Stack, TextInput } from "@mantine/core";
import { useState } from "react";
import { CopyField } from "@/components/copy-field";
import { FormDialog } from "@/components/dialog";
import dialog from "@/components/dialog.module.css";
import { useText } from "@/i18n";
import type { TokenScope } from "@/lib/api";
import { useTokenCreate } from "../api";
import { settingsText } from "../text";

const scopes: readonly TokenScope[] = ["read", "write", "run", "manage"];
const days = ["30", "90", "366"] as const;

export function CreateTokenDialog({ onClose }: { onClose: () => void }) {
  const t = useText(settingsText);
  const create = useTokenCreate();
  const [name, setName] = useState("");
  const [allowed, setAllowed] = useState<TokenScope[]>(["read", "run"]);
  const [until, setUntil] = useState<(typeof days)[number]>("90");
  if (create.data) return <Secret token={create.data.token} onClose={onClose} />;
  return (
    <FormDialog
      opened
      title={t("tokens.create.title")}
      action={t("tokens.create.action")}
      disabled={name.trim() === "" || allowed.length === 0}
      busy={create.isPending}
      error={create.error}
      onClose={onClose}
      onAction={() => create.mutate({ name: name.trim(), scopes: allowed, expires_in_days: Number(until) })}
    >
      <TextInput
        data-autofocus
        label={t("tokens.name")}
        value={name}
        maxLength={80}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Checkbox.Group
        label={t("tokens.scopes")}
        value={allowed}
        onChange={(values) => setAllowed(scopes.filter((scope) => values.includes(scope)))}
      >
        <Stack gap={8}>
          {scopes.map((scope) => (
            <Checkbox
              key={scope}
              value={scope}
              label={t(`scope.${scope}`)}
              description={t(`scope.${scope}.about`)}
            />
          ))}
        </Stack>
      </Checkbox.Group>
      <Select
        label={t("tokens.create.days")}
        allowDeselect={false}
        value={until}
        data={days.map((value) => ({ value, label: t(`tokens.days.${value}`) }))}
        onChange={(value) => value && setUntil(value as (typeof days)[number])}
      />
    </FormDialog>
  );
}

function Secret({ token, onClose }: { token: string; onClose: () => void }) {
  const t = useText(settingsText);
  return (
    <Modal
      opened
      onClose={onClose}
      title={t("tokens.create.title")}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <div className={dialog.form}>
        <p>{t("tokens.once")}</p>
        <CopyField value={token} label={t("tokens.secret")} />
        <div className={dialog.actions}>
          <Button onClick={onClose}>{t("tokens.done")}</Button>
        </div>
      </div>
    </Modal>
  );
}
