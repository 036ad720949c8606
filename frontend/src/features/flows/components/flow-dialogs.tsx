/** The dialogs of the flow list: create, rename, delete. */
import { Textarea, TextInput } from "@mantine/core";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import { ApiProblem, type Flow } from "@/lib/api";
import { useFlowCreate, useFlowDelete, useFlowRename } from "../api";
import { flowsText } from "../text";

type NamesProps = {
  name: string;
  description: string;
  error: unknown;
  onName: (value: string) => void;
  onDescription: (value: string) => void;
};

function Names({ name, description, error, onName, onDescription }: NamesProps) {
  const t = useText(flowsText);
  const problem = error instanceof ApiProblem ? error : null;
  return (
    <>
      <TextInput
        label={t("field.name")}
        value={name}
        maxLength={200}
        error={problem?.field("name")}
        data-autofocus
        onChange={(event) => onName(event.currentTarget.value)}
      />
      <Textarea
        label={t("field.description")}
        value={description}
        maxLength={2000}
        autosize
        minRows={2}
        maxRows={6}
        error={problem?.field("description")}
        onChange={(event) => onDescription(event.currentTarget.value)}
      />
    </>
  );
}

type CreateProps = { workspaceId: string; onClose: () => void; onCreated: (flow: { id: string }) => void };

export function CreateFlowDialog({ workspaceId, onClose, onCreated }: CreateProps) {
  const t = useText(flowsText);
  const create = useFlowCreate(workspaceId);
  const [name, setName] = useState("");
  const [description, setDescription] = useState("");
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={t("new.title")}
      action={t("new.action")}
      disabled={name.trim() === ""}
      busy={create.isPending}
      error={create.error}
      onAction={() =>
        create.mutate({ name: name.trim(), description: description.trim() }, { onSuccess: onCreated })
      }
    >
      <Names
        name={name}
        description={description}
        error={create.error}
        onName={setName}
        onDescription={setDescription}
      />
    </FormDialog>
  );
}

type OneProps = { workspaceId: string; flow: Flow; onClose: () => void };

export function RenameFlowDialog({ workspaceId, flow, onClose }: OneProps) {
  const t = useText(flowsText);
  const rename = useFlowRename(workspaceId);
  const [name, setName] = useState(flow.name);
  const [description, setDescription] = useState(flow.description);
  return (
    <FormDialog
      opened
      onClose={onClose}
      title={t("rename.title")}
      action={t("rename.action")}
      disabled={name.trim() === ""}
      busy={rename.isPending}
      error={rename.error}
      onAction={() =>
        rename.mutate(
          { id: flow.id, name: name.trim(), description: description.trim() },
          { onSuccess: onClose },
        )
      }
    >
      <Names
        name={name}
        description={description}
        error={rename.error}
        onName={setName}
        onDescription={setDescription}
      />
    </FormDialog>
  );
}

export function DeleteFlowDialog({ workspaceId, flow, onClose }: OneProps) {
  const t = useText(flowsText);
  const remove = useFlowDelete(workspaceId);
  const done = () => {
    tell(t("deleted", { name: flow.name }));
    onClose();
  };
  return (
    <FormDialog
      opened
      danger
      onClose={onClose}
      title={t("delete.title", { name: flow.name })}
      action={t("delete.action")}
      busy={remove.isPending}
      error={remove.error}
      onAction={() => remove.mutate(flow.id, { onSuccess: done })}
    >
      <p>{t("delete.lead")}</p>
    </FormDialog>
  );
}
