/** Who sees this flow, in one dialog: members and roles, invitations, links, what viewers may do. */
import { Modal, Switch } from "@mantine/core";
import { commonText } from "@/components/common-text";
import { CopyField } from "@/components/copy-field";
import { tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import { useWorkspace } from "@/lib/workspaces";
import { useViewersRight, type ViewersRight } from "../../api/sharing";
import { useEditor, useFlow, useRole } from "../../stores/context";
import { editorText } from "../../text";
import { InviteForm } from "./invite-form";
import { OutsideLinks } from "./outside-links";
import { PeopleList } from "./people-list";
import classes from "./share.module.css";
import { shareText } from "./text";

export function ShareDialog({ onClose }: { onClose: () => void }) {
  const t = useText(shareText);
  const common = useText(commonText);
  const editor = useText(editorText);
  const { workspaceId, flowId } = useEditor();
  const name = useFlow((flow) => flow.document.name);
  const isOwner = useRole() === "owner";
  const address = new URL(`/w/${workspaceId}/flows/${flowId}`, window.location.origin).href;
  return (
    <Modal
      opened
      onClose={onClose}
      size={560}
      title={t("title", { name: name || editor("untitled") })}
      closeButtonProps={{ "aria-label": common("close") }}
    >
      <div className={classes.dialog} data-testid="share-dialog">
        <section>
          <h3>{t("people")}</h3>
          <p>{t("people.lead")}</p>
          <PeopleList canManage={isOwner} />
        </section>
        {isOwner && <InviteForm />}
        <section>
          <h3>{t("link")}</h3>
          <CopyField value={address} label={t("link.label")} />
        </section>
        {isOwner ? (
          <>
            <OutsideLinks />
            <Viewers />
          </>
        ) : (
          <p>{t("ownersOnly")}</p>
        )}
      </div>
    </Modal>
  );
}

function Viewers() {
  const t = useText(shareText);
  return (
    <section>
      <h3>{t("viewers")}</h3>
      <ViewersSwitch right="viewers_may_comment" label={t("comment")} lead={t("comment.lead")} />
      <ViewersSwitch right="viewers_see_values" label={t("values")} lead={t("values.lead")} />
    </section>
  );
}

function ViewersSwitch({ right, label, lead }: { right: ViewersRight; label: string; lead: string }) {
  const { workspaceId } = useEditor();
  const allowed = useWorkspace(workspaceId)?.[right] ?? true;
  const change = useViewersRight(workspaceId, right);
  return (
    <Switch
      label={label}
      description={lead}
      checked={change.isPending ? change.variables : allowed}
      onChange={(event) => change.mutate(event.currentTarget.checked, { onError: tellProblem })}
    />
  );
}
