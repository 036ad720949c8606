/** Where you are, whether it is saved, who is here, and Run. */
import { Tooltip } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { useText } from "@/i18n";
import { workspaceNameQuery } from "../../api/queries";
import { useCanEdit, useEditor, useFlow } from "../../stores/context";
import { editorText } from "../../text";
import { FlowSettings } from "../flow-settings";
import { People } from "./people";
import { RunControls, RunStatus } from "./run-controls";
import { SaveState } from "./save-state";
import { ShareButton } from "./share-button";
import { ActivityButton, CommentsButton } from "./side-buttons";
import classes from "./top-bar.module.css";

export function TopBar({ onRun }: { onRun: () => void }) {
  const { workspaceId, flowId } = useEditor();
  const t = useText(editorText);
  const workspace = useQuery(workspaceNameQuery(workspaceId)).data ?? "";
  const [settingsOpen, setSettingsOpen] = useState(false);
  return (
    <header className={classes.bar}>
      <nav className={classes.crumbs} aria-label={t("breadcrumb")}>
        <Link to="/w/$ws/flows" params={{ ws: workspaceId }} className={classes.workspace}>
          {workspace || t("flows")}
        </Link>
        <span className={classes.slash}>/</span>
        <FlowName />
      </nav>
      <SaveState />
      <span className={classes.space} />
      <RunStatus />
      <People />
      <CommentsButton />
      <ActivityButton />
      <Tooltip label={t("history")}>
        <Link
          to="/w/$ws/flows/$flow/history"
          params={{ ws: workspaceId, flow: flowId }}
          className={classes.ghost}
          aria-label={t("history")}
        >
          <Icon name="history" size={15} />
          <span className={classes.wide}>{t("history")}</span>
        </Link>
      </Tooltip>
      <Tooltip label={t("flow.settings")}>
        <button
          type="button"
          className={classes.ghost}
          aria-label={t("flow.settings")}
          data-testid="flow-settings"
          onClick={() => setSettingsOpen(true)}
        >
          <Icon name="settings" size={15} />
        </button>
      </Tooltip>
      {settingsOpen && <FlowSettings onClose={() => setSettingsOpen(false)} />}
      <ShareButton />
      <RunControls onRun={onRun} />
    </header>
  );
}

function FlowName() {
  const { operations, undo } = useEditor();
  const name = useFlow((flow) => flow.document.name);
  const canEdit = useCanEdit();
  const t = useText(editorText);
  const [editing, setEditing] = useState(false);
  const shown = name || t("untitled");
  if (!editing || !canEdit) {
    return (
      <h1 className={classes.name}>
        {canEdit ? (
          <button type="button" className="cut" title={t("flow.rename")} onClick={() => setEditing(true)}>
            {shown}
          </button>
        ) : (
          <span className="cut">{shown}</span>
        )}
      </h1>
    );
  }
  const done = (value: string | null): void => {
    setEditing(false);
    if (!value?.trim()) return;
    undo.cut();
    operations.setMeta("name", value.trim().slice(0, 200));
  };
  return (
    <input
      className={classes.nameInput}
      defaultValue={name}
      maxLength={200}
      aria-label={t("flow.rename")}
      // biome-ignore lint/a11y/noAutofocus: appears because the person asked to rename.
      autoFocus
      onFocus={(event) => event.target.select()}
      onBlur={(event) => done(event.target.value)}
      onKeyDown={(event) => {
        if (event.key === "Enter") done(event.currentTarget.value);
        if (event.key === "Escape") done(null);
      }}
    />
  );
}
