import { ActionIcon, Menu } from "@mantine/core";
import { Chip } from "@/components/chip";
import { commonText } from "@/components/common-text";
import { Icon } from "@/components/icon";
import { PersonName } from "@/components/person-avatar";
import { tell, tellProblem } from "@/components/toast";
import { formatDate, formatFullTime, useText } from "@/i18n";
import type { Member, Role } from "@/lib/api";
import { useMemberRole } from "../api";
import classes from "../members-page.module.css";
import { workspacesText } from "../text";
import { RoleSelect } from "./role-select";

type Props = {
  workspaceId: string;
  member: Member;
  isMe: boolean;
  canManage: boolean;
  onRemove: () => void;
};

export function MemberRow({ workspaceId, member, isMe, canManage, onRemove }: Props) {
  const t = useText(workspacesText);
  const common = useText(commonText);
  const change = useMemberRole(workspaceId);
  const { person, role } = member;
  const setRole = (next: Role) =>
    change.mutate(
      { personId: person.id, role: next },
      {
        onSuccess: () => tell(t("members.roleSet", { name: person.name, role: common(`role.${next}`) })),
        onError: tellProblem,
      },
    );
  return (
    <tr>
      <td>
        <PersonName person={person} size={24} />
        {isMe && (
          <span className={classes.you}>
            <Chip>{t("members.you")}</Chip>
          </span>
        )}
      </td>
      <td className="muted" title={person.email}>
        {person.email}
      </td>
      <td>
        {canManage ? (
          <RoleSelect
            hideLabel
            label={t("members.roleOf", { name: person.name })}
            value={change.isPending ? (change.variables?.role ?? role) : role}
            onChange={setRole}
          />
        ) : (
          common(`role.${role}`)
        )}
      </td>
      <td data-hide="wide" className="muted" title={formatFullTime(member.joined_at)}>
        {formatDate(member.joined_at)}
      </td>
      <td data-align="right">
        {(canManage || isMe) && (
          <Menu position="bottom-end" width={190}>
            <Menu.Target>
              <ActionIcon
                variant="subtle"
                color="gray"
                size={24}
                aria-label={t("members.actions", { name: person.name })}
              >
                <Icon name="more" size={16} />
              </ActionIcon>
            </Menu.Target>
            <Menu.Dropdown>
              <Menu.Item
                c="var(--danger-text)"
                leftSection={<Icon name={isMe ? "sign-out" : "trash"} />}
                onClick={onRemove}
              >
                {isMe ? t("members.leave") : t("members.remove")}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        )}
      </td>
    </tr>
  );
}
