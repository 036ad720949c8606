import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import type { StoredFile } from "@/lib/files";
import { usedByQuery, useFileDelete, useFileRename } from "../api";
import { filesText } from "../text";

type Props = { workspaceId: string; file: StoredFile; onClose: () => void };

export function RenameFileDialog({ workspaceId, file, onClose }: Props) {
  const t = useText(filesText);
  const rename = useFileRename(workspaceId);
  const [name, setName] = useState(file.name);
  const done = (renamed: StoredFile) => {
    tell(t("renamed", { name: renamed.name }));
    onClose();
  };
  return (
    <FormDialog
      opened
      title={t("rename.title", { name: file.name })}
      action={t("rename.action")}
      busy={rename.isPending}
      error={rename.error}
      disabled={name.trim() === ""}
      onClose={onClose}
      onAction={() => rename.mutate({ id: file.id, name }, { onSuccess: done })}
    >
      <TextInput
        label={t("rename.name")}
        value={name}
        maxLength={200}
        data-autofocus
        onChange={(event) => setName(event.currentTarget.value)}
      />
    </FormDialog>
  );
}

/** Says which flows will miss it before it is gone. */
export function DeleteFileDialog({ workspaceId, file, onClose }: Props) {
  const t = useText(filesText);
  const remove = useFileDelete(workspaceId);
  const usedBy = useQuery(usedByQuery(workspaceId, file.ref));
  const done = () => {
    tell(t("deleted", { name: file.name }));
    onClose();
  };
  return (
    <FormDialog
      opened
      danger
      title={t("delete.title", { name: file.name })}
      action={t("delete.action")}
      busy={remove.isPending || usedBy.isPending}
      error={remove.error}
      onClose={onClose}
      onAction={() => remove.mutate(file.id, { onSuccess: done })}
    >
      {usedBy.data && usedBy.data.length > 0 && (
        <>
          <p>{t("delete.used")}</p>
          <ul>
            {usedBy.data.map((flow) => (
              <li key={flow.id}>
                <Link to="/w/$ws/flows/$flow" params={{ ws: workspaceId, flow: flow.id }}>
                  {flow.name}
                </Link>
              </li>
            ))}
          </ul>
        </>
      )}
      {usedBy.data?.length === 0 && <p>{t("delete.unused")}</p>}
      <p>{t("delete.lead")}</p>
    </FormDialog>
  );
}
