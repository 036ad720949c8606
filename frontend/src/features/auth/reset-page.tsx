/** Password reset: ask for a link, then (with the key from the link) set the new password. */
import { Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { ProblemNote } from "@/components/problem-view";
import { tell } from "@/components/toast";
import { useText } from "@/i18n";
import { ApiProblem } from "@/lib/api";
import { resetFinish, resetRequest } from "./api";
import { AuthFrame } from "./components/auth-frame";
import { EmailField, PasswordField } from "./components/fields";
import { authText } from "./text";

export function ResetPage({ resetKey }: { resetKey?: string | undefined }) {
  return resetKey === undefined ? <AskForLink /> : <SetPassword resetKey={resetKey} />;
}

function BackToSignIn() {
  const t = useText(authText);
  return <Link to="/sign-in">{t("reset.back")}</Link>;
}

function AskForLink() {
  const t = useText(authText);
  const [email, setEmail] = useState("");
  const action = useMutation({ mutationFn: () => resetRequest(email.trim()) });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    action.mutate();
  };
  if (action.isSuccess) {
    return (
      <AuthFrame title={t("reset.sent")} lead={t("reset.sent.lead", { email })} footer={<BackToSignIn />} />
    );
  }
  return (
    <AuthFrame title={t("reset.title")} lead={t("reset.lead")} footer={<BackToSignIn />}>
      <form onSubmit={submit}>
        <EmailField value={email} onChange={setEmail} />
        {action.error && <ProblemNote error={action.error} />}
        <Button type="submit" size="lg" loading={action.isPending} disabled={email === ""}>
          {t("reset.action")}
        </Button>
      </form>
    </AuthFrame>
  );
}

function SetPassword({ resetKey }: { resetKey: string }) {
  const t = useText(authText);
  const navigate = useNavigate();
  const [password, setPassword] = useState("");
  const action = useMutation({
    mutationFn: () => resetFinish(resetKey, password),
    onSuccess: async () => {
      tell(t("reset.done"));
      await navigate({ to: "/sign-in" });
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    action.mutate();
  };
  const fieldError = action.error instanceof ApiProblem ? action.error.field("password") : null;
  return (
    <AuthFrame title={t("reset.title")} footer={<BackToSignIn />}>
      <form onSubmit={submit}>
        <PasswordField
          label={t("reset.new")}
          value={password}
          onChange={setPassword}
          error={fieldError}
          fresh
        />
        {action.error && !fieldError && <ProblemNote error={action.error} />}
        <Button type="submit" size="lg" loading={action.isPending} disabled={password === ""}>
          {t("reset.set")}
        </Button>
      </form>
    </AuthFrame>
  );
}
