/** What language models cost this workspace: its own prices, and the list prices that count without. */
import { Button, NumberInput, TextInput } from "@mantine/core";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { Icon } from "@/components/icon";
import { ProblemNote } from "@/components/problem-view";
import { Section } from "@/components/section";
import { tell } from "@/components/toast";
import { formatMoney, useText } from "@/i18n";
import { http, workspacePath } from "@/lib/api";
import { workspacesText } from "../text";
import classes from "../workspace-settings-page.module.css";

type Price = { model: string; currency: string; input_micros: number; output_micros: number };
type Prices = { items: Price[]; listed: Price[] };

const MICROS = 1_000_000;
const NEW: Price = { model: "", currency: "USD", input_micros: 0, output_micros: 0 };
const keyOf = (workspaceId: string) => ["workspace", workspaceId, "prices"];

export function PricesSection({ workspaceId, canEdit }: { workspaceId: string; canEdit: boolean }) {
  const t = useText(workspacesText);
  const path = workspacePath(workspaceId, "/prices");
  const query = useQuery({
    queryKey: keyOf(workspaceId),
    queryFn: ({ signal }) => http.get<Prices>(path, {}, signal),
  });
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: (items: Price[]) => http.put<Prices>(path, { items }),
    onSuccess: (prices) => {
      cache.setQueryData(keyOf(workspaceId), prices);
      tell(t("settings.saved"));
    },
  });
  const own = query.data?.items ?? [];
  return (
    <Section title={t("prices.title")} lead={t("prices.lead")}>
      <table className={classes.prices}>
        <thead>
          <tr>
            <th>{t("prices.model")}</th>
            <th data-align="right">{t("prices.input")}</th>
            <th data-align="right">{t("prices.output")}</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {own.map((price) => (
            <PriceRow
              key={price.model}
              price={price}
              {...(canEdit ? { onRemove: () => save.mutate(own.filter((other) => other !== price)) } : {})}
            />
          ))}
          {query.data?.listed
            .filter((listed) => own.every((price) => price.model !== listed.model))
            .map((price) => (
              <PriceRow key={price.model} price={price} isListed />
            ))}
        </tbody>
      </table>
      {canEdit && (
        <PriceForm
          busy={save.isPending}
          onAdd={(price) => save.mutate([...own.filter((other) => other.model !== price.model), price])}
        />
      )}
      {save.error && <ProblemNote error={save.error} />}
      {query.error && <ProblemNote error={query.error} />}
    </Section>
  );
}

type RowProps = { price: Price; isListed?: boolean; onRemove?: () => void };

function PriceRow({ price, isListed = false, onRemove }: RowProps) {
  const t = useText(workspacesText);
  return (
    <tr className={isListed ? "muted" : undefined}>
      <td>
        {isListed ? `${price.model}…` : price.model}
        {isListed && <small> {t("prices.listed")}</small>}
      </td>
      <td data-align="right" className="num">
        {formatMoney(price.input_micros, price.currency)}
      </td>
      <td data-align="right" className="num">
        {formatMoney(price.output_micros, price.currency)}
      </td>
      <td>
        {onRemove && (
          <button type="button" aria-label={t("prices.remove", { model: price.model })} onClick={onRemove}>
            <Icon name="close" size={12} />
          </button>
        )}
      </td>
    </tr>
  );
}

function PriceForm({ busy, onAdd }: { busy: boolean; onAdd: (price: Price) => void }) {
  const t = useText(workspacesText);
  const [draft, setDraft] = useState(NEW);
  const isReady = draft.model.trim() !== "" && /^[A-Z]{3}$/.test(draft.currency);
  const amount = (name: "input_micros" | "output_micros", label: string) => (
    <NumberInput
      label={label}
      min={0}
      max={1_000_000}
      decimalScale={6}
      value={draft[name] / MICROS}
      onChange={(value) => setDraft({ ...draft, [name]: Math.round(Number(value) * MICROS) || 0 })}
    />
  );
  return (
    <form
      className={classes.priceForm}
      onSubmit={(event) => {
        event.preventDefault();
        if (!isReady) return;
        onAdd({ ...draft, model: draft.model.trim() });
        setDraft({ ...NEW, currency: draft.currency });
      }}
    >
      <TextInput
        label={t("prices.model")}
        maxLength={200}
        value={draft.model}
        onChange={(event) => setDraft({ ...draft, model: event.currentTarget.value })}
      />
      {amount("input_micros", t("prices.input"))}
      {amount("output_micros", t("prices.output"))}
      <TextInput
        label={t("prices.currency")}
        maxLength={3}
        value={draft.currency}
        onChange={(event) => setDraft({ ...draft, currency: event.currentTarget.value.toUpperCase() })}
      />
      <Button type="submit" variant="default" loading={busy} disabled={!isReady}>
        {t("prices.set")}
      </Button>
    </form>
  );
}
