/** Sign-up in its three ways: the first owner with the printed code, by invitation, or open. */
import { Button, TextInput } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { commonText } from "@/components/common-text";
import { ProblemNote } from "@/components/problem-view";
import { useText } from "@/i18n";
import { ApiProblem, type Instance } from "@/lib/api";
import { useSession } from "@/lib/session";
import { invitationQuery, type SignUp, signUp } from "./api";
import { AuthFrame } from "./components/auth-frame";
import { EmailField, NameField, PasswordField } from "./components/fields";
import { authText } from "./text";
import { useArrival } from "./use-arrival";

export function SignUpPage({ invitation }: { invitation?: string | undefined }) {
  const t = useText(authText);
  const common = useText(commonText);
  const { instance } = useSession();
  const notice = useQuery({ ...invitationQuery(invitation ?? ""), enabled: invitation !== undefined }).data;
  const signInLink = (
    <>
      {t("signUp.have")} <Link to="/sign-in">{t("signIn.action")}</Link>
    </>
  );
  if (instance.needs_owner) {
    return (
      <AuthFrame title={t("owner.title")} lead={t("owner.lead")}>
        <SignUpForm instance={instance} />
      </AuthFrame>
    );
  }
  if (invitation === undefined && instance.signup !== "open") {
    return <AuthFrame title={t("signUp.closed")} lead={t("signUp.closed.lead")} footer={signInLink} />;
  }
  const title = notice ? t("invite.title", { workspace: notice.workspace_name }) : t("signUp.title");
  const lead = notice
    ? t("invite.lead", { person: notice.inviter_name, role: common(`role.${notice.role}`) })
    : undefined;
  return (
    <AuthFrame title={title} lead={lead} footer={signInLink}>
      <SignUpForm instance={instance} invitation={invitation} />
    </AuthFrame>
  );
}

function SignUpForm({ instance, invitation }: { instance: Instance; invitation?: string | undefined }) {
  const t = useText(authText);
  const arrive = useArrival();
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const needsCode = instance.needs_owner && instance.needs_code;
  const action = useMutation({
    mutationFn: () => {
      const form: SignUp = { name: name.trim(), email: email.trim(), password };
      if (needsCode) form.owner_code = code.trim();
      if (invitation !== undefined) form.invitation = invitation;
      return signUp(form);
    },
    onSuccess: () => arrive("/"),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    action.mutate();
  };
  const problem = action.error instanceof ApiProblem ? action.error : null;
  const shownAtField = ["name", "email", "password", "owner_code"].some((path) => problem?.field(path));
  const complete =
    name.trim() !== "" && email !== "" && password !== "" && (!needsCode || code.trim() !== "");
  return (
    <form onSubmit={submit} noValidate>
      {needsCode && (
        <TextInput
          size="lg"
          name="owner_code"
          autoComplete="off"
          required
          withAsterisk={false}
          label={t("owner.code")}
          description={t("owner.code.hint")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          value={code}
          error={problem?.field("owner_code")}
          onChange={(event) => setCode(event.currentTarget.value)}
          styles={{ input: { fontFamily: "var(--mono)" } }}
        />
      )}
      <NameField value={name} onChange={setName} error={problem?.field("name") ?? null} />
      <EmailField value={email} onChange={setEmail} error={problem?.field("email") ?? null} />
      <PasswordField
        value={password}
        onChange={setPassword}
        error={problem?.field("password") ?? null}
        fresh
      />
      {action.error && !shownAtField && <ProblemNote error={action.error} />}
      <Button type="submit" size="lg" loading={action.isPending} disabled={!complete}>
        {t("signUp.action")}
      </Button>
    </form>
  );
}
