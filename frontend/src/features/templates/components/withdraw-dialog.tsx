import { useNavigate } from "@tanstack/react-router";
import { FormDialog } from "@/components/dialog";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import type { Template } from "@/lib/api";
import { useTemplateWithdraw } from "../api";
import { templatesText } from "../text";

export function WithdrawDialog({ template, onClose }: { template: Template; onClose: () => void }) {
  const t = useText(templatesText);
  const navigate = useNavigate();
  const withdraw = useTemplateWithdraw(template);
  const done = () => {
    tell(t("withdrawn", { name: template.name }));
    void navigate({ to: "/templates" });
  };
  return (
    <FormDialog
      opened
      danger
      title={t("withdraw.title", { name: template.name })}
      action={t("withdraw.action")}
      busy={withdraw.isPending}
      error={withdraw.error}
      onClose={onClose}
      onAction={() => withdraw.mutate(undefined, { onSuccess: done })}
    >
      <p>{t("withdraw.lead")}</p>
    </FormDialog>
  );
}
