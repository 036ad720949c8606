import { getRouteApi } from "@tanstack/react-router";
import { InvitationPage } from "@/features/auth/invitation-page";
import { ResetPage } from "@/features/auth/reset-page";
import { SignInPage } from "@/features/auth/sign-in-page";
import { SignUpPage } from "@/features/auth/sign-up-page";

const signIn = getRouteApi("/sign-in");
const signUp = getRouteApi("/sign-up");
const reset = getRouteApi("/reset");
const invite = getRouteApi("/invite/$token");

export function SignInRoute() {
  return <SignInPage next={signIn.useSearch().next} />;
}

export function SignUpRoute() {
  return <SignUpPage invitation={signUp.useSearch().invitation} />;
}

export function ResetRoute() {
  return <ResetPage resetKey={reset.useSearch().key} />;
}

export function InvitationRoute() {
  return <InvitationPage token={invite.useParams().token} />;
}
