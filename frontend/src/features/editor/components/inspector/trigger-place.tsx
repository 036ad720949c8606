/** Where a trigger is called, whether it is live, and when it fires next. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { CopyField } from "@/components/copy-field";
import { tellProblem } from "@/components/toast";
import type { FlowNode } from "@/flow-core";
import { formatFullTime, useText } from "@/i18n";
import { flowTriggersQuery, useTriggerListen } from "@/lib/triggers";
import { useCanEdit, useEditor } from "../../stores/context";
import { editorText } from "../../text";

export function TriggerPlace({ node }: { node: FlowNode }) {
  const t = useText(editorText);
  const { workspaceId, flowId } = useEditor();
  const canEdit = useCanEdit();
  const listen = useTriggerListen(workspaceId);
  const query = useQuery(flowTriggersQuery(workspaceId, flowId, JSON.stringify(node.config)));
  const found = query.data?.find((item) => item.node_id === node.id);
  if (found === undefined) return null;
  const listensUntil = found.listening_until === null ? 0 : Date.parse(found.listening_until);
  const isListening = listensUntil > Date.now();
  return (
    <div style={{ display: "grid", gap: 8, paddingBlock: 12 }}>
      <div className="muted">{t(`trigger.${found.state}`)}</div>
      {found.address !== "" && <CopyField value={found.address} label={t("trigger.address")} />}
      {found.test_address !== "" && (
        <>
          <CopyField value={found.test_address} label={t("trigger.test_address")} />
          <Button
            variant="default"
            disabled={!canEdit || isListening}
            onClick={() => listen.mutate(found.id, { onError: tellProblem })}
          >
            {t(isListening ? "trigger.listening" : "trigger.listen")}
          </Button>
        </>
      )}
      {found.schedule_error !== "" && <div role="alert">{found.schedule_error}</div>}
      {found.next_times.length > 0 && (
        <div className="muted">
          {t("trigger.next")}
          <ul style={{ margin: 0, paddingInlineStart: 18 }}>
            {found.next_times.map((time) => (
              <li key={time}>{formatFullTime(time)}</li>
            ))}
          </ul>
        </div>
      )}
    </div>
  );
}
