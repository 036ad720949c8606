import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { EmptyState } from "@/components/empty-state";
import { Icon } from "@/components/icon";
import { Page } from "@/components/page";
import { tell, tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import type { Credential, CredentialKind } from "@/lib/api";
import { useRights } from "@/lib/workspaces";
import { credentialsQuery, kindsQuery, useCredentialConnect } from "./api";
import { CredentialDetails } from "./components/credential-details";
import { CredentialForm } from "./components/credential-form";
import { CredentialList } from "./components/credential-list";
import { DeleteCredentialDialog } from "./components/delete-credential-dialog";
import { KindPicker } from "./components/kind-picker";
import { SecretPlaces } from "./components/secret-places";
import { credentialsText } from "./text";

/** What is open over the list. */
type Open =
  | { what: "picker" }
  | { what: "form"; kind: CredentialKind; credential: Credential | null }
  | { what: "details" | "delete"; credential: Credential };

export function CredentialsPage({ workspaceId }: { workspaceId: string }) {
  const t = useText(credentialsText);
  const { canEdit, canManage } = useRights(workspaceId);
  const query = useQuery(credentialsQuery(workspaceId));
  const kinds = useQuery(kindsQuery(workspaceId));
  const connect = useConnect(workspaceId);
  const [open, setOpen] = useState<Open | null>(null);
  const close = () => setOpen(null);
  useReturn(t);
  const create = (
    <Button leftSection={<Icon name="plus" />} onClick={() => setOpen({ what: "picker" })}>
      {t("new")}
    </Button>
  );
  const edit = (credential: Credential) => {
    const kind = kinds.data?.byId.get(credential.kind);
    if (kind) setOpen({ what: "form", kind, credential });
  };
  return (
    <Page
      flush
      title={t("title")}
      aside={<SecretPlaces workspaceId={workspaceId} here="credentials" />}
      actions={canManage ? create : <span className="muted">{t("note")}</span>}
      toolbar={<span className="muted">{t("lead")}</span>}
    >
      <CredentialList
        workspaceId={workspaceId}
        query={query}
        kinds={kinds.data}
        canTest={canEdit}
        empty={
          <EmptyState icon="key" title={t("empty.title")} action={canManage && create}>
            {t(canManage ? "empty.lead" : "empty.other")}
          </EmptyState>
        }
        onDetails={canEdit ? (credential) => setOpen({ what: "details", credential }) : undefined}
        onEdit={canManage ? edit : undefined}
        onConnect={canManage ? connect : undefined}
        onDelete={canManage ? (credential) => setOpen({ what: "delete", credential }) : undefined}
      />
      {open?.what === "picker" && (
        <KindPicker
          kinds={kinds.data?.kinds ?? []}
          onClose={close}
          onPick={(kind) => setOpen({ what: "form", kind, credential: null })}
        />
      )}
      {open?.what === "form" && (
        <CredentialForm
          workspaceId={workspaceId}
          kind={open.kind}
          redirectUri={kinds.data?.redirectUri ?? ""}
          credential={open.credential}
          onClose={close}
          onConnect={connect}
        />
      )}
      {open?.what === "details" && (
        <CredentialDetails workspaceId={workspaceId} credential={open.credential} onClose={close} />
      )}
      {open?.what === "delete" && (
        <DeleteCredentialDialog workspaceId={workspaceId} credential={open.credential} onClose={close} />
      )}
    </Page>
  );
}

/** Off to the service, unless the app was connected by itself. */
function useConnect(workspaceId: string) {
  const connect = useCredentialConnect(workspaceId);
  return (id: string) =>
    connect.mutate(id, {
      onSuccess: (url) => {
        if (url) window.location.assign(url);
      },
      onError: tellProblem,
    });
}

/** Back from the service: says what came of it, once. */
function useReturn(t: (key: "connected", values: { name: string }) => string) {
  useEffect(() => {
    const said = new URLSearchParams(window.location.search);
    const [name, problem] = [said.get("connected"), said.get("problem")];
    if (name === null && problem === null) return;
    tell(name === null ? (problem ?? "") : t("connected", { name }));
    window.history.replaceState(window.history.state, "", window.location.pathname);
  }, [t]);
}
