"""Operations on workspaces, members and invitations. Each checks the acting person's role, changes,
records and announces, in one transaction; views have checked the role before, services check again
because they are also called from elsewhere."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.utils import timezone

from apps.accounts import errors as account_errors
from apps.accounts.events import access_changed
from apps.accounts.models import Person
from apps.audit.services import record
from apps.common.db import write_transaction
from apps.common.errors import NotFound
from apps.common.events import emit
from apps.workspaces import errors, events, policies, selectors
from apps.workspaces.models import Invitation, Membership, Workspace
from apps.workspaces.types import Action, Role
from sage_studio.kernel import JsonObject, SageError

OWNED_LIMIT = 100
INVITATION_LIMIT = 100


def workspace_create(person: Person, *, name: str, kind: str = Workspace.Kind.TEAM) -> Workspace:
    """A new workspace owned by ``person``, with everything higher apps put into new ones."""
    with write_transaction():
        if Membership.objects.filter(person=person, role=Role.OWNER).count() >= OWNED_LIMIT:
            raise SageError(errors.WORKSPACE_LIMIT, {"limit": OWNED_LIMIT})
        workspace = Workspace.objects.create(name=name, kind=kind)
        Membership.objects.create(workspace=workspace, person=person, role=Role.OWNER.value)
        record(person, "workspace.created", workspace.pk, ("workspace", workspace.pk), after={"name": name})
        events.created(workspace, person)
    return workspace


def personal_workspace_create(person: Person) -> Workspace:
    """The workspace every person gets at sign-up."""
    name = f"{person.name}的工作区" if person.language == "zh" else f"{person.name}'s workspace"
    return workspace_create(person, name=name[:80], kind=Workspace.Kind.PERSONAL)


def workspace_rename(person: Person, workspace: Workspace, *, name: str) -> Workspace:
    """Change the name."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.WORKSPACE_MANAGE)
        record(person, "workspace.renamed", workspace.pk, ("workspace", workspace.pk), workspace.name, name)
        workspace.name = name
        workspace.save(update_fields=["name", "updated_at"])
    return workspace


def viewers_may_comment_set(person: Person, workspace: Workspace, *, is_allowed: bool) -> Workspace:
    """Whether viewers may comment on flows. Editors and owners always may."""
    return _viewers_right_set(person, workspace, "viewers_may_comment", is_allowed=is_allowed)


def viewers_see_values_set(person: Person, workspace: Workspace, *, is_allowed: bool) -> Workspace:
    """Whether viewers see what runs take and give. Editors and owners always do."""
    return _viewers_right_set(person, workspace, "viewers_see_values", is_allowed=is_allowed)


def keep_runs_days_set(person: Person, workspace: Workspace, *, days: int) -> Workspace:
    """For how long ended runs are kept; 0 for ever."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.WORKSPACE_MANAGE)
        before = workspace.keep_runs_days
        if before != days:
            subject = ("workspace", workspace.pk)
            record(person, "workspace.keep_runs_days", workspace.pk, subject, before, days)
            workspace.keep_runs_days = days
            workspace.save(update_fields=["keep_runs_days", "updated_at"])
    return workspace


def _viewers_right_set(person: Person, workspace: Workspace, right: str, *, is_allowed: bool) -> Workspace:
    with write_transaction():
        policies.require(person, workspace.pk, Action.WORKSPACE_MANAGE)
        before = getattr(workspace, right)
        if before != is_allowed:
            record(
                person, f"workspace.{right}", workspace.pk, ("workspace", workspace.pk), before, is_allowed
            )
            setattr(workspace, right, is_allowed)
            workspace.save(update_fields=[right, "updated_at"])
            for membership in selectors.member_list(workspace).filter(role=Role.VIEWER):
                access_changed(membership.person_id)
    return workspace


def workspace_delete(person: Person, workspace: Workspace) -> None:
    """Delete a team workspace and all that hangs on it. Raises SageError for a personal one."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.WORKSPACE_MANAGE)
        if workspace.kind == Workspace.Kind.PERSONAL:
            raise SageError(errors.PERSONAL)
        for membership in selectors.member_list(workspace):
            events.role_changed(workspace.pk, membership.person_id, None)
            access_changed(membership.person_id)
        record(
            person,
            "workspace.deleted",
            workspace.pk,
            ("workspace", workspace.pk),
            before={"name": workspace.name},
        )
        emit(events.WORKSPACE_DELETED, {"workspace_id": str(workspace.pk)})
        workspace.delete()


def _locked_membership(workspace: Workspace, person_id: uuid.UUID) -> Membership:
    """The membership, with the workspace row locked so that two owners cannot remove each other at once."""
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    membership = (
        Membership.objects.select_related("person").filter(workspace=workspace, person_id=person_id).first()
    )
    if membership is None:
        raise NotFound
    return membership


def _keep_an_owner(membership: Membership) -> None:
    others = Membership.objects.filter(workspace_id=membership.workspace_id, role=Role.OWNER).exclude(
        pk=membership.pk
    )
    if membership.role == Role.OWNER and not others.exists():
        raise SageError(errors.LAST_OWNER)


def _lost_ownership(membership: Membership) -> None:
    """Links a former owner made (and may have kept) stop working."""
    Invitation.objects.filter(
        workspace_id=membership.workspace_id, created_by_id=membership.person_id
    ).delete()


def member_role_set(actor: Person, workspace: Workspace, person_id: uuid.UUID, role: Role) -> Membership:
    """Give a member another role. Raises NotFound, or SageError for the last owner."""
    with write_transaction():
        policies.require(actor, workspace.pk, Action.MEMBER_MANAGE)
        membership = _locked_membership(workspace, person_id)
        before = membership.role
        if before == role:
            return membership
        if role is not Role.OWNER:
            _keep_an_owner(membership)
            _lost_ownership(membership)
        membership.role = role.value
        membership.save(update_fields=["role", "updated_at"])
        record(actor, "member.role_changed", workspace.pk, ("person", person_id), before, role.value)
        events.role_changed(workspace.pk, person_id, role)
        access_changed(person_id)
    return membership


def member_remove(actor: Person, workspace: Workspace, person_id: uuid.UUID) -> None:
    """Remove a member, or leave oneself. Raises NotFound, or SageError for the last owner."""
    with write_transaction():
        needed = Action.WORKSPACE_VIEW if actor.pk == person_id else Action.MEMBER_MANAGE
        policies.require(actor, workspace.pk, needed)
        membership = _locked_membership(workspace, person_id)
        _keep_an_owner(membership)
        _lost_ownership(membership)
        record(actor, "member.removed", workspace.pk, ("person", person_id), before=membership.role)
        membership.delete()
        events.role_changed(workspace.pk, person_id, None)
        access_changed(person_id)


def invitation_create(
    person: Person, workspace: Workspace, *, role: Role, expires_in_days: int, email: str = ""
) -> Invitation:
    """A link for new members."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.MEMBER_MANAGE)
        if selectors.invitation_list(workspace).count() >= INVITATION_LIMIT:
            raise SageError(errors.INVITATION_LIMIT, {"limit": INVITATION_LIMIT})
        invitation = Invitation.objects.create(
            workspace=workspace,
            role=role.value,
            email=email.lower(),
            created_by=person,
            expires_at=timezone.now() + timedelta(days=expires_in_days),
        )
        after: JsonObject = {
            "role": role.value,
            "email": email,
            "expires_at": invitation.expires_at.isoformat(),
        }
        record(person, "invitation.created", workspace.pk, ("invitation", invitation.pk), after=after)
    return invitation


def invitation_delete(person: Person, workspace: Workspace, invitation_id: uuid.UUID) -> None:
    """Make a link worthless. Raises NotFound."""
    with write_transaction():
        policies.require(person, workspace.pk, Action.MEMBER_MANAGE)
        deleted, _ = Invitation.objects.filter(workspace=workspace, pk=invitation_id).delete()
        if not deleted:
            raise NotFound
        record(person, "invitation.deleted", workspace.pk, ("invitation", invitation_id))


def invitation_check(token: str, email: str) -> Invitation:
    """The invitation, if this address may use it now. Raises SageError."""
    invitation = selectors.invitation_find(token)
    if invitation is None:
        raise SageError(account_errors.INVITATION_INVALID)
    if invitation.email and invitation.email != email.lower():
        raise SageError(account_errors.INVITATION_OTHER_EMAIL)
    return invitation


def invitation_accept(token: str, person: Person) -> Membership:
    """Join by link. Someone who is a member already keeps the role they have. Raises SageError."""
    with write_transaction():
        invitation = invitation_check(token, person.email)
        workspace = Workspace.objects.select_for_update().get(pk=invitation.workspace_id)
        membership, is_new = Membership.objects.get_or_create(
            workspace=workspace, person=person, defaults={"role": invitation.role}
        )
        if is_new:
            invitation.accepted_count += 1
            invitation.save(update_fields=["accepted_count", "updated_at"])
            record(person, "member.joined", workspace.pk, ("person", person.pk), after=invitation.role)
            events.role_changed(workspace.pk, person.pk, Role(membership.role))
            access_changed(person.pk)
    return membership


class Invitations:
    """What sign-up needs to know of invitations (``apps.accounts.events.Invitations``)."""

    def check(self, token: str, email: str) -> None:
        invitation_check(token, email)

    def redeem(self, token: str, person: Person) -> None:
        invitation_accept(token, person)
