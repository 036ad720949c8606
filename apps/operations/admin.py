"""What the console shows: metadata, read-only, except shutting people out, naming administrators and
trying dead events again. Bodies of flows, inputs and outputs of runs are not here: an administrator
is no member of anyone's workspace."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline

from apps.accounts import services as accounts
from apps.accounts.models import ApiToken, Person
from apps.audit.models import AuditEntry
from apps.audit.services import record
from apps.catalogue import services as catalogue
from apps.catalogue.models import PluginRule
from apps.common.models import OutboxEvent
from apps.common.problems import language_of_request
from apps.executions.models import Run
from apps.flows.models import Flow
from apps.marketplace.models import Template
from apps.operations.console import console
from apps.workspaces.models import Membership, Workspace
from sage_studio.kernel import SageError


class MetadataAdmin(ModelAdmin):
    """Lists and shows the listed fields; changes nothing. Looking at one object is recorded."""

    list_per_page = 50
    show_full_result_count = False
    actions: Any = []

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return console.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return console.has_permission(request)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        assert isinstance(request.user, Person)
        record(request.user, "console.viewed", target=(self.opts.model_name or "", object_id[:100]))
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        return response


class MembershipInline(TabularInline):
    """Who belongs to a workspace."""

    model = Membership
    fields = ("person", "role", "created_at")
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return console.has_permission(request)


@admin.register(Person, site=console)
class PersonAdmin(MetadataAdmin):
    """People; administrators can shut them out and let them in."""

    list_display = ("email", "name", "is_active", "is_admin", "created_at", "last_login")
    list_filter = ("is_active", "is_admin")
    search_fields = ("email", "name")
    fields = ("email", "name", "language", "is_active", "is_admin", "created_at", "last_login")
    ordering = ("email",)
    actions = ("shut_out", "let_in")

    @admin.action(description=_("Shut out (sessions and tokens end at once)"), permissions=["view"])
    def shut_out(self, request: HttpRequest, queryset: QuerySet[Person]) -> None:
        self._set_active(request, queryset, is_active=False)

    @admin.action(description=_("Let in again"), permissions=["view"])
    def let_in(self, request: HttpRequest, queryset: QuerySet[Person]) -> None:
        self._set_active(request, queryset, is_active=True)

    def _set_active(self, request: HttpRequest, people: QuerySet[Person], *, is_active: bool) -> None:
        assert isinstance(request.user, Person)
        chosen = list(people.exclude(pk=request.user.pk))
        for person in chosen:
            accounts.person_set_active(request.user, person, is_active=is_active)
        self.message_user(request, _("Changed: %(count)d") % {"count": len(chosen)})


@admin.register(ApiToken, site=console)
class ApiTokenAdmin(MetadataAdmin):
    """API tokens, without anything that opens a door."""

    list_display = ("prefix", "person", "name", "scopes", "expires_at", "last_used_at")
    search_fields = ("prefix", "person__email")
    fields = ("prefix", "person", "name", "scopes", "created_at", "expires_at", "last_used_at")


@admin.register(Workspace, site=console)
class WorkspaceAdmin(MetadataAdmin):
    """Workspaces and their members."""

    list_display = ("name", "kind", "member_count", "created_at")
    list_filter = ("kind",)
    search_fields = ("name",)
    fields = ("id", "name", "kind", "created_at")
    inlines = (MembershipInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Workspace]:
        rows: QuerySet[Workspace] = super().get_queryset(request)
        return rows.annotate(counted=Count("memberships"))

    @admin.display(description=_("members"))
    def member_count(self, workspace: Workspace) -> int:
        return int(getattr(workspace, "counted", 0))


@admin.register(Flow, site=console)
class FlowAdmin(MetadataAdmin):
    """Flows: names and sizes, not their contents."""

    list_display = ("name", "workspace", "node_count", "edited_at", "archived_at")
    search_fields = ("name", "workspace__name")
    fields = ("id", "name", "workspace", "node_count", "created_by", "created_at", "edited_at", "archived_at")
    list_select_related = ("workspace",)


@admin.register(Run, site=console)
class RunAdmin(MetadataAdmin):
    """Runs: when and how they went, not what they worked on."""

    list_display = ("flow", "number", "state", "trigger", "created_at", "started_at", "finished_at")
    list_filter = ("state", "trigger")
    fields = (
        "id", "flow", "number", "workspace", "state", "reason", "trigger", "created_by", "created_at",
        "started_at", "finished_at", "owner", "fence", "lease_until", "last_seq",
    )  # fmt: skip
    list_select_related = ("flow",)


@admin.register(Template, site=console)
class TemplateAdmin(MetadataAdmin):
    """Published templates."""

    list_display = ("name", "category", "workspace", "author", "uses", "created_at")
    list_filter = ("category",)
    search_fields = ("name", "summary")
    fields = (
        "id",
        "name",
        "summary",
        "category",
        "workspace",
        "author",
        "semantic_hash",
        "uses",
        "created_at",
    )
    list_select_related = ("workspace", "author")


@admin.register(OutboxEvent, site=console)
class OutboxEventAdmin(MetadataAdmin):
    """Domain events on their way; dead ones can be tried again."""

    list_display = ("topic", "handler", "state", "attempts", "due_at", "created_at")
    list_filter = ("state", "topic")
    fields = ("topic", "handler", "state", "attempts", "due_at", "created_at", "finished_at", "last_error")
    actions = ("try_again",)

    @admin.action(description=_("Try dead events again"), permissions=["view"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[OutboxEvent]) -> None:
        assert isinstance(request.user, Person)
        dead = queryset.filter(state=OutboxEvent.State.DEAD)
        ids = [str(event.pk) for event in dead]
        dead.update(state=OutboxEvent.State.WAITING, attempts=0, due_at=timezone.now())
        record(request.user, "console.events_retried", after={"ids": list(ids)})
        self.message_user(request, _("Changed: %(count)d") % {"count": len(ids)})


@admin.register(AuditEntry, site=console)
class AuditEntryAdmin(MetadataAdmin):
    """The audit trail of the instance and of all workspaces."""

    list_display = ("at", "actor_email", "action", "target_type", "target_id", "scope", "seq")
    list_filter = ("action",)
    search_fields = ("actor_email", "target_id", "scope")
    fields = (
        "at", "scope", "seq", "actor_email", "action", "workspace_id", "target_type", "target_id", "before",
        "after", "origin", "digest",
    )  # fmt: skip
    ordering = ("-at",)


class PluginRuleForm(forms.ModelForm):  # type: ignore[type-arg] # the stubs' parameter is not there at run time
    """Which plug-in (or ``*``), whether it may be used, and in which version or package alone."""

    class Meta:
        model = PluginRule
        fields = ("plugin_id", "is_allowed", "pinned", "note")

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        try:
            plugin_id = given.get("plugin_id") or self.instance.plugin_id
            catalogue.plugin_rule_check(plugin_id, given.get("pinned", ""))
        except SageError as error:
            raise forms.ValidationError(error.message(language_of_request())) from error
        return given


@admin.register(PluginRule, site=console)
class PluginRuleAdmin(ModelAdmin):
    """Which plug-ins workspaces may use; the only rows of the console that are made here."""

    form = PluginRuleForm
    list_display = ("plugin_id", "is_allowed", "pinned", "note")
    search_fields = ("plugin_id",)
    actions: Any = []

    def has_module_permission(self, request: HttpRequest) -> bool:
        return console.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return console.has_permission(request)

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if obj is None else ("plugin_id",)

    def save_model(self, request: HttpRequest, obj: PluginRule, form: Any, change: bool) -> None:
        assert isinstance(request.user, Person)
        catalogue.plugin_rule_set(
            request.user, obj.plugin_id, is_allowed=obj.is_allowed, pinned=obj.pinned, note=obj.note
        )

    def delete_model(self, request: HttpRequest, obj: PluginRule) -> None:
        assert isinstance(request.user, Person)
        catalogue.plugin_rule_set(request.user, obj.plugin_id, is_allowed=None)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[PluginRule]) -> None:
        for rule in queryset:
            self.delete_model(request, rule)
