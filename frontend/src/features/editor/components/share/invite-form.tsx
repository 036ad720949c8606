/** An invitation with a role: a link to send, bound to an address when one is given. */
import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { CopyField } from "@/components/copy-field";
import { ProblemNote } from "@/components/problem-view";
import { useText } from "@/i18n";
import type { Invitation, Role } from "@/lib/api";
import { useWorkspace } from "@/lib/workspaces";
import { useInvite } from "../../api/sharing";
import { useEditor } from "../../stores/context";
import { RoleChoice } from "./people-list";
import classes from "./share.module.css";
import { shareText } from "./text";

export function InviteForm() {
  const t = useText(shareText);
  const { workspaceId } = useEditor();
  const invite = useInvite(workspaceId);
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    invite.mutate({ email: email.trim(), role });
  };
  return (
    <section>
      <h3>{t("invite")}</h3>
      <form className={classes.invite} onSubmit={submit} noValidate>
        <TextInput
          type="email"
          aria-label={t("email")}
          placeholder={t("email")}
          value={email}
          onChange={(event) => {
            setEmail(event.currentTarget.value);
            invite.reset();
          }}
        />
        <RoleChoice
          label={t("role")}
          value={role}
          onChange={(next) => {
            setRole(next);
            invite.reset();
          }}
        />
        <Button type="submit" variant="default" loading={invite.isPending}>
          {t("makeInvitation")}
        </Button>
      </form>
      {invite.error && <ProblemNote error={invite.error} />}
      {invite.data && <Ready invitation={invite.data} />}
    </section>
  );
}

function Ready({ invitation }: { invitation: Invitation }) {
  const t = useText(shareText);
  const { workspaceId } = useEditor();
  const name = useWorkspace(workspaceId)?.name ?? "";
  const subject = encodeURIComponent(t("mail.subject", { name }));
  const body = encodeURIComponent(`${t("mail.body")}\n\n${invitation.url}\n`);
  return (
    <div className={classes.ready}>
      <p>{t("invite.ready")}</p>
      <CopyField value={invitation.url} label={t("invite.link")} />
      {invitation.email && (
        <a href={`mailto:${encodeURIComponent(invitation.email)}?subject=${subject}&body=${body}`}>
          {t("mail")}
        </a>
      )}
    </div>
  );
}
