/** Where an invitation link lands: who invites, to what, as what; then join, sign up or sign in. */
import { Button, Skeleton } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { commonText } from "@/components/common-text";
import { ProblemNote } from "@/components/problem-view";
import { tell } from "@/components/toast";
import { formatDate, useText } from "@/i18n";
import { ApiProblem, type InvitationNotice } from "@/lib/api";
import { useSession } from "@/lib/session";
import { invitationAccept, invitationQuery, signOut } from "./api";
import classes from "./auth.module.css";
import { AuthFrame } from "./components/auth-frame";
import { authText } from "./text";
import { useArrival } from "./use-arrival";

export function InvitationPage({ token }: { token: string }) {
  const t = useText(authText);
  const common = useText(commonText);
  const query = useQuery(invitationQuery(token));
  if (query.error) {
    const gone = query.error instanceof ApiProblem && [404, 409, 410].includes(query.error.status);
    return (
      <AuthFrame title={t("invite.gone")} lead={gone ? t("invite.gone.lead") : undefined}>
        {!gone && <ProblemNote error={query.error} />}
        <Link to="/">{t("reset.back")}</Link>
      </AuthFrame>
    );
  }
  if (!query.data) {
    return (
      <AuthFrame title={"\u00a0"}>
        <Skeleton height={12} width="70%" />
        <Skeleton height={36} />
      </AuthFrame>
    );
  }
  const notice = query.data;
  return (
    <AuthFrame
      title={t("invite.title", { workspace: notice.workspace_name })}
      lead={t("invite.lead", { person: notice.inviter_name, role: common(`role.${notice.role}`) })}
    >
      <Choices token={token} notice={notice} />
      <p className={classes.note}>{t("invite.until", { date: formatDate(notice.expires_at) })}</p>
    </AuthFrame>
  );
}

function Choices({ token, notice }: { token: string; notice: InvitationNotice }) {
  const t = useText(authText);
  const { person } = useSession();
  const navigate = useNavigate();
  const queryClient = useQueryClient();
  const arrive = useArrival();
  const join = useMutation({
    mutationFn: () => invitationAccept(token),
    onSuccess: async ({ id }) => {
      await queryClient.invalidateQueries({ queryKey: ["workspaces"] });
      tell(t("invite.joined", { workspace: notice.workspace_name }));
      await navigate({ to: "/w/$ws/flows", params: { ws: id } });
    },
  });
  const leave = useMutation({ mutationFn: signOut, onSuccess: () => arrive(`/invite/${token}`) });
  if (person) {
    return (
      <div className={classes.buttons}>
        {join.error && <ProblemNote error={join.error} />}
        <Button size="lg" loading={join.isPending} onClick={() => join.mutate()}>
          {t("invite.join", { name: person.name })}
        </Button>
        <Button size="lg" variant="default" loading={leave.isPending} onClick={() => leave.mutate()}>
          {t("invite.other")}
        </Button>
      </div>
    );
  }
  return (
    <div className={classes.buttons}>
      <Button size="lg" onClick={() => void navigate({ to: "/sign-up", search: { invitation: token } })}>
        {t("invite.create")}
      </Button>
      <Button
        size="lg"
        variant="default"
        onClick={() => void navigate({ to: "/sign-in", search: { next: `/invite/${token}` } })}
      >
        {t("invite.signIn")}
      </Button>
    </div>
  );
}
