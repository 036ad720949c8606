/** What a run waits for, and the answers a person can give: approve, reject, or send a value. */
import { Button, Textarea } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { tell, tellProblem } from "@/components/toast";
import { defineText, formatTime, useText } from "@/i18n";
import { http, type Json, workspacePath } from "@/lib/api";
import classes from "./run-waits.module.css";

const text = defineText("run_waits", {
  en: {
    "waits.approval": "Waits for an approval",
    "waits.signal": "Waits for a signal",
    "waits.until": "Waits until {{until}}",
    "waits.flow": "Waits for the flow it called",
    "waits.approve": "Approve",
    "waits.reject": "Reject",
    "waits.comment": "Comment (optional)",
    "waits.value": "Value to send, as JSON or text",
    "waits.send": "Send",
    "waits.sent": "Answered. The run goes on.",
    "waits.answered": "Answered",
    "waits.expires": "Gives up {{until}}",
  },
  zh: {
    "waits.approval": "等待审批",
    "waits.signal": "等待外部信号",
    "waits.until": "等待至 {{until}}",
    "waits.flow": "等待被调用的流程",
    "waits.approve": "批准",
    "waits.reject": "拒绝",
    "waits.comment": "备注（可选）",
    "waits.value": "要发送的值（JSON 或文本）",
    "waits.send": "发送",
    "waits.sent": "已答复，运行将继续。",
    "waits.answered": "已答复",
    "waits.expires": "{{until}} 超时",
  },
});

export type Wait = {
  key: string;
  node_id: string;
  iteration_path: string;
  name: string;
  until: string | null;
  can_signal: boolean;
  is_answered: boolean;
  details: { kind?: string; message?: string } | null;
};

type Props = {
  workspaceId: string;
  runId: string;
  canAnswer: boolean;
  /** Only the waits of this node. */
  nodeId?: string;
  nameOf?: (nodeId: string) => string;
};

export function RunWaits({ workspaceId, runId, canAnswer, nodeId, nameOf }: Props) {
  const query = useQuery({
    queryKey: ["workspace", workspaceId, "runs", runId, "waits"],
    queryFn: async ({ signal }) =>
      (await http.get<{ items: Wait[] }>(workspacePath(workspaceId, `/runs/${runId}/waits`), {}, signal))
        .items,
    refetchInterval: 2000,
  });
  const waits = (query.data ?? []).filter((wait) => nodeId === undefined || wait.node_id === nodeId);
  if (waits.length === 0) return null;
  return (
    <section className={classes.waits} data-testid="run-waits">
      {waits.map((wait) => (
        <WaitCard
          key={wait.key}
          workspaceId={workspaceId}
          runId={runId}
          wait={wait}
          canAnswer={canAnswer}
          title={nameOf?.(wait.node_id)}
        />
      ))}
    </section>
  );
}

/** One wait, and the answer to it. `onAnswered` is told once the answer is accepted. */
export function WaitCard({
  workspaceId,
  runId,
  wait,
  canAnswer,
  title,
  onAnswered,
}: {
  workspaceId: string;
  runId: string;
  wait: Wait;
  canAnswer: boolean;
  title: string | undefined;
  onAnswered?: () => void;
}) {
  const t = useText(text);
  const queryClient = useQueryClient();
  const [value, setValue] = useState("");
  const answer = useMutation({
    mutationFn: (payload: Json) =>
      http.post(workspacePath(workspaceId, `/runs/${runId}/signals`), { key: wait.key, payload }),
    onError: tellProblem,
    onSuccess: () => {
      tell(t("waits.sent"));
      void queryClient.invalidateQueries({ queryKey: ["workspace", workspaceId, "runs", runId] });
      onAnswered?.();
    },
  });
  const isFlow = wait.name.startsWith("flow@");
  const isApproval = wait.details?.kind === "approval";
  const until = wait.until ? formatTime(wait.until) : "";
  const canReply = canAnswer && wait.can_signal && !isFlow && !wait.is_answered && !answer.isSuccess;
  const what = isFlow
    ? t("waits.flow")
    : wait.can_signal
      ? t(isApproval ? "waits.approval" : "waits.signal")
      : t("waits.until", { until });
  return (
    <div className={classes.wait}>
      <header>
        <Icon name="clock" size={14} />
        <b>{title ? `${title} · ${what}` : what}</b>
        {wait.iteration_path && <code>{wait.iteration_path}</code>}
      </header>
      {wait.details?.message && <p>{wait.details.message}</p>}
      {wait.can_signal && until && <p className="muted">{t("waits.expires", { until })}</p>}
      {(wait.is_answered || answer.isSuccess) && <p className="muted">{t("waits.answered")}</p>}
      {canReply && (
        <>
          <Textarea
            size="xs"
            autosize
            minRows={1}
            maxLength={20_000}
            value={value}
            aria-label={t(isApproval ? "waits.comment" : "waits.value")}
            placeholder={t(isApproval ? "waits.comment" : "waits.value")}
            onChange={(event) => setValue(event.currentTarget.value)}
          />
          <div className={classes.actions}>
            {isApproval ? (
              <>
                <Button
                  size="xs"
                  loading={answer.isPending}
                  onClick={() => answer.mutate({ approved: true, comment: value })}
                >
                  {t("waits.approve")}
                </Button>
                <Button
                  size="xs"
                  variant="default"
                  loading={answer.isPending}
                  onClick={() => answer.mutate({ approved: false, comment: value })}
                >
                  {t("waits.reject")}
                </Button>
              </>
            ) : (
              <Button size="xs" loading={answer.isPending} onClick={() => answer.mutate(asJson(value))}>
                {t("waits.send")}
              </Button>
            )}
          </div>
        </>
      )}
    </div>
  );
}

/** What the person typed, as JSON where it is some, else as text. */
function asJson(value: string): Json {
  if (value.trim() === "") return null;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}
