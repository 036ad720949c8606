/** Members with their roles; owners change them here. */
import { Select, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { commonText } from "@/components/common-text";
import { PersonAvatar } from "@/components/person-avatar";
import { QueryView } from "@/components/query-view";
import { tell, tellProblem } from "@/components/toast";
import { useText } from "@/i18n";
import type { Member, Role } from "@/lib/api";
import { peopleQuery } from "../../api/comments";
import { useMemberRole } from "../../api/sharing";
import { useEditor } from "../../stores/context";
import classes from "./share.module.css";
import { shareText } from "./text";

const ROLES: readonly Role[] = ["viewer", "editor", "owner"];

export function PeopleList({ canManage }: { canManage: boolean }) {
  const { workspaceId } = useEditor();
  const query = useQuery(peopleQuery(workspaceId));
  return (
    <QueryView query={query} skeleton={<Skeleton height={36} />}>
      {(members) => (
        <ul className={classes.people}>
          {members.map((member) => (
            <MemberRow key={member.person.id} member={member} canManage={canManage} />
          ))}
        </ul>
      )}
    </QueryView>
  );
}

function MemberRow({ member, canManage }: { member: Member; canManage: boolean }) {
  const t = useText(shareText);
  const { workspaceId, personId } = useEditor();
  const change = useMemberRole(workspaceId);
  const { person, role } = member;
  const common = useText(commonText);
  const set = (next: Role): void =>
    change.mutate(
      { person: person.id, role: next },
      {
        onSuccess: () => tell(t("roleSet", { name: person.name, role: common(`role.${next}`) })),
        onError: tellProblem,
      },
    );
  return (
    <li>
      <PersonAvatar person={person} size={26} />
      <span className={classes.who}>
        <b className="cut">
          {person.name}
          {person.id === personId && <i> ({t("you")})</i>}
        </b>
        <small className="cut">{person.email}</small>
      </span>
      {canManage ? (
        <RoleChoice label={t("roleOf", { name: person.name })} value={role} onChange={set} />
      ) : (
        <span className="muted">{common(`role.${role}`)}</span>
      )}
    </li>
  );
}

type ChoiceProps = { label: string; value: Role; onChange: (role: Role) => void };

export function RoleChoice({ label, value, onChange }: ChoiceProps) {
  const common = useText(commonText);
  return (
    <Select
      aria-label={label}
      w={112}
      allowDeselect={false}
      value={value}
      data={ROLES.map((role) => ({ value: role, label: common(`role.${role}`) }))}
      onChange={(role) => role && onChange(role as Role)}
    />
  );
}
