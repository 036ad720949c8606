/** What a form for a credential holds, made from its kind. */
import type { Credential, CredentialKind } from "@/lib/api";
import type { Draft, KindField } from "./api";

export const fieldsOf = (kind: CredentialKind): KindField[] => kind.fields as KindField[];

export function draftOf(kind: CredentialKind, credential: Credential | null): Draft {
  const fields: Record<string, string> = {};
  for (const field of fieldsOf(kind)) {
    const kept = field.secret ? "" : credential?.fields?.[field.name];
    fields[field.name] = kept ?? (field.default == null ? "" : String(field.default));
  }
  const hosts = credential?.allowed_hosts ?? kind.hosts;
  return { id: credential?.id, kind: kind.id, name: credential?.name ?? "", fields, hosts };
}

/** Whether a field applies, given the others. */
export function isShown(field: KindField, fields: Record<string, string>): boolean {
  const rules = Object.entries(field.show_when ?? {});
  return rules.every(([name, values]) => values.includes(fields[name] ?? ""));
}

/** Whether it can be saved as far as the form can tell; secrets that are kept need not be entered. */
export function isComplete(kind: CredentialKind, draft: Draft): boolean {
  const filled = fieldsOf(kind).every(
    (field) => !field.required || (draft.id && field.secret) || draft.fields[field.name]?.trim(),
  );
  const placed = kind.hosts_use !== "required" || draft.hosts.length > 0;
  return draft.name.trim() !== "" && filled && placed;
}
