import { FileInput, SegmentedControl, TextInput } from "@mantine/core";
import { useState } from "react";
import { FormDialog } from "@/components/dialog";
import { useText } from "@/i18n";
import { usePackageLook, useServerLook } from "../api";
import { pluginsText } from "../text";
import { ReviewDialog } from "./review-dialog";

type Props = { workspaceId: string; onClose: () => void };
type Source = "file" | "server";

/** First where it comes from, then what it holds and wants, with the consent. */
export function InstallDialog({ workspaceId, onClose }: Props) {
  const t = useText(pluginsText);
  const [source, setSource] = useState<Source>("file");
  const [file, setFile] = useState<File | null>(null);
  const [address, setAddress] = useState("");
  const [credential, setCredential] = useState("");
  const byFile = usePackageLook(workspaceId);
  const byServer = useServerLook(workspaceId);
  const look = source === "file" ? byFile : byServer;
  if (look.data) return <ReviewDialog workspaceId={workspaceId} seen={look.data} onClose={onClose} />;
  const begin = () => {
    if (source === "server") byServer.mutate({ address: address.trim(), credential: credential.trim() });
    else if (file) byFile.mutate(file);
  };
  return (
    <FormDialog
      opened
      title={t("wizard.title")}
      action={t("wizard.look")}
      disabled={source === "file" ? file === null : address.trim() === ""}
      busy={look.isPending}
      error={look.error}
      onClose={onClose}
      onAction={begin}
      size={520}
    >
      <SegmentedControl
        aria-label={t("wizard.from")}
        value={source}
        onChange={(value) => setSource(value as Source)}
        data={[
          { value: "file", label: t("wizard.from.file") },
          { value: "server", label: t("wizard.from.server") },
        ]}
      />
      {source === "file" ? (
        <FileInput
          label={t("wizard.file")}
          description={t("wizard.file.hint")}
          inputWrapperOrder={["label", "input", "description", "error"]}
          placeholder={t("wizard.file.choose")}
          accept=".zip,.whl,.yaml,.yml"
          clearable
          value={file}
          onChange={(chosen) => {
            byFile.reset();
            setFile(chosen);
          }}
        />
      ) : (
        <>
          <TextInput
            label={t("wizard.server")}
            description={t("wizard.server.hint")}
            inputWrapperOrder={["label", "input", "description", "error"]}
            placeholder="https://mcp.example.com/mcp"
            value={address}
            onChange={(event) => setAddress(event.currentTarget.value)}
          />
          <TextInput
            label={t("wizard.credential")}
            value={credential}
            onChange={(event) => setCredential(event.currentTarget.value)}
          />
        </>
      )}
      {look.isPending && (
        <p className="muted" role="status">
          {t(source === "file" ? "wizard.looking" : "wizard.asking")}
        </p>
      )}
    </FormDialog>
  );
}
