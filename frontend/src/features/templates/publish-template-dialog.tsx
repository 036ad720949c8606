import { Select, Textarea, TextInput } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import { ApiProblem, type TemplateCategory } from "@/lib/api";
import { categories, useTemplatePublish } from "./api";
import { templatesText } from "./text";

type Props = {
  workspaceId: string;
  flowId: string;
  flowName: string;
  version: number | null;
  onClose: () => void;
};

export function PublishTemplateDialog({ workspaceId, flowId, flowName, version, onClose }: Props) {
  const t = useText(templatesText);
  const navigate = useNavigate();
  const publish = useTemplatePublish(workspaceId);
  const [name, setName] = useState(flowName);
  const [summary, setSummary] = useState("");
  const [category, setCategory] = useState<TemplateCategory>("other");
  const problem = publish.error instanceof ApiProblem ? publish.error : null;
  const submit = () =>
    publish.mutate(
      { flow_id: flowId, version, name: name.trim(), summary: summary.trim(), category },
      {
        onSuccess: (template) => {
          tell(t("publish.done", { name: template.name }));
          void navigate({ to: "/templates/$template", params: { template: template.id } });
        },
      },
    );
  return (
    <FormDialog
      opened
      title={t("publish.title")}
      action={t("publish.action", { number: version ?? 0 })}
      disabled={name.trim() === ""}
      busy={publish.isPending}
      error={publish.error}
      onClose={onClose}
      onAction={submit}
    >
      <p>{t("publish.lead")}</p>
      <TextInput
        data-autofocus
        label={t("publish.name")}
        value={name}
        maxLength={120}
        error={problem?.field("name")}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Textarea
        label={t("publish.summary")}
        value={summary}
        maxLength={500}
        autosize
        minRows={2}
        maxRows={5}
        error={problem?.field("summary")}
        onChange={(event) => setSummary(event.currentTarget.value)}
      />
      <Select
        label={t("publish.category")}
        allowDeselect={false}
        value={category}
        data={categories.map((value) => ({ value, label: t(`category.${value}`) }))}
        onChange={(value) => value && setCategory(value as TemplateCategory)}
      />
    </FormDialog>
  );
}
