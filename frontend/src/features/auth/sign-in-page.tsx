import { Anchor, Button } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { ProblemNote } from "@/components/problem-view";
import { useText } from "@/i18n";
import { ApiProblem } from "@/lib/api";
import { useSession } from "@/lib/session";
import { signIn } from "./api";
import classes from "./auth.module.css";
import { AuthFrame } from "./components/auth-frame";
import { EmailField, PasswordField } from "./components/fields";
import { authText } from "./text";
import { useArrival } from "./use-arrival";

export function SignInPage({ next }: { next?: string | undefined }) {
  const t = useText(authText);
  const { instance } = useSession();
  const arrive = useArrival();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const action = useMutation({
    mutationFn: async () => {
      const answer = await signIn(email.trim(), password);
      if (answer.meta?.is_authenticated === false) {
        throw new ApiProblem({ status: 401, title: answer.errors?.[0]?.message ?? t("signIn.title") });
      }
    },
    onSuccess: () => arrive(next),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    action.mutate();
  };
  const problem = action.error instanceof ApiProblem ? action.error : null;
  const open = instance.signup === "open";
  return (
    <AuthFrame
      title={t("signIn.title")}
      lead={window.location.host}
      footer={
        <>
          {t("signIn.new")} {open ? <Link to="/sign-up">{t("signIn.create")}</Link> : t("signIn.ask")}
        </>
      }
    >
      <form onSubmit={submit}>
        <EmailField value={email} onChange={setEmail} error={problem?.field("email") ?? null} autoFocus />
        <div className={classes.password}>
          <Anchor component={Link} to="/reset" className={classes.forgot}>
            {t("signIn.forgot")}
          </Anchor>
          <PasswordField value={password} onChange={setPassword} error={problem?.field("password") ?? null} />
        </div>
        {action.error && problem?.fields.every((field) => field.path === "") !== false && (
          <ProblemNote error={action.error} />
        )}
        <Button type="submit" size="lg" loading={action.isPending} disabled={email === "" || password === ""}>
          {t("signIn.action")}
        </Button>
      </form>
    </AuthFrame>
  );
}
