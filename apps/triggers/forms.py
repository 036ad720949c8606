"""Form pages: served from the published version, for people who need no account."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.encoding import punycode

from apps.accounts.models import Person
from apps.common import sealed_ids
from apps.common.errors import METHOD, THROTTLED, NotFound
from apps.common.ids import ordered_id
from apps.common.problems import in_words, language_of_request
from apps.executions.models import Run
from apps.executions.types import FINAL_STATES
from apps.files.services import artifacts_discard
from apps.triggers import calls, errors, selectors
from apps.triggers.hooks import answering_with, counted
from apps.triggers.selectors import Live
from apps.triggers.services.firing import trigger_fire
from apps.triggers.services.refusing import refusal_note
from apps.triggers.types import WATCH_PURPOSE, Kind
from apps.triggers.values import values_read
from apps.workspaces.policies import role_of
from sage_studio.flow.firing import fired_node
from sage_studio.kernel import SageError

KINDS = ("text", "textarea", "email", "number", "date", "select", "checkbox", "file")
MAX_FIELDS = 50
MAX_TEXT = 20_000
# From one network address, per minute.
SENT_PER_MINUTE = 30
# A field people do not see: programs that fill in everything give themselves away.
TRAP = "website_"
_REFUSED = ("This form cannot be used now", "此表单暂时无法使用")
_WORDS = {
    "yes": ("Yes", "是"),
    "no": ("No", "否"),
    "send": ("Send", "提交"),
    "thanks": ("Thank you. Your answers have arrived.", "谢谢，您的内容已提交。"),
    "working": ("Working on it …", "正在处理……"),
    "done": ("Done", "已完成"),
    "failed": ("Something went wrong. Please try again later.", "处理时出错，请稍后重试。"),
    "again": ("Look again", "刷新"),
    "required": ("required", "必填"),
    "mend": ("Please look at these fields:", "请检查以下字段："),
}


@dataclass(slots=True)
class FormField:
    """A field with what was filled in and what is wrong with it."""

    name: str
    label: str
    kind: str
    is_required: bool = False
    help: str = ""
    options: list[str] = field(default_factory=list)
    max_length: int = MAX_TEXT
    value: str = ""
    fault: str = ""

    @property
    def described_by(self) -> str:
        return " ".join(
            f"{part}-{self.name}"
            for part, is_there in (("help", self.help), ("fault", self.fault))
            if is_there
        )


def fields_of(written: Any) -> list[FormField]:
    """The fields a node describes; what cannot be read is left out."""
    found: dict[str, FormField] = {}
    for item in written if isinstance(written, list) else []:
        name = str(item.get("name") or "").strip()[:100] if isinstance(item, dict) else ""
        if not name or name == TRAP or name in found:
            continue
        kind = item.get("kind")
        limit = item.get("max_length")
        options = item.get("options")
        found[name] = FormField(
            name=name,
            label=str(item.get("label") or name)[:200],
            kind=kind if kind in KINDS else "text",
            is_required=item.get("required") is True,
            help=str(item.get("help") or "")[:500],
            options=[str(option)[:200] for option in options[:200]] if isinstance(options, list) else [],
            max_length=limit if isinstance(limit, int) and 0 < limit <= MAX_TEXT else MAX_TEXT,
        )
    return list(found.values())[:MAX_FIELDS]


def _refused(request: HttpRequest, error: SageError) -> HttpResponse:
    """A page that says what is wrong, for the people who open forms in a browser."""
    language = language_of_request()
    said = f"{error.message(language)}\n{error.hint(language)}".strip()
    facts = {"title": in_words(*_REFUSED), "said": said, "state": "failed"}
    response = _as_page(request, "triggers/told.html", facts, error.code.status)
    if error.code is THROTTLED:
        response["Retry-After"] = str(error.facts["wait_s"])
    return response


@answering_with(_refused)
def form(request: HttpRequest, trigger_id: uuid.UUID) -> HttpResponseBase:
    """The page, and what is sent with it."""
    trigger = selectors.trigger_find(trigger_id, Kind.FORM)
    live = selectors.live_published(trigger)
    _let_in(live, request)
    fields = fields_of(live.config["fields"])
    if request.method in {"GET", "HEAD"}:
        return _page(request, live, fields)
    if request.method != "POST":
        raise SageError(METHOD, {"method": request.method or ""})
    _not_too_often(trigger_id, request)
    return _sent(request, live, fields)


def _let_in(live: Live, request: HttpRequest) -> None:
    """Raises NotFound for whoever is no member where only members may."""
    if live.config["access"] != "members":
        return
    person = request.user
    if not isinstance(person, Person) or role_of(person, live.trigger.workspace_id) is None:
        raise NotFound


def _not_too_often(trigger_id: uuid.UUID, request: HttpRequest) -> None:
    name = f"form:{trigger_id}:{request.META.get('REMOTE_ADDR', '')}"
    if counted(name) > SENT_PER_MINUTE:
        raise SageError(THROTTLED, {"wait_s": 60})


def _sent(request: HttpRequest, live: Live, fields: list[FormField]) -> HttpResponseBase:
    form = request.POST
    if form.get(TRAP):
        return _told(request, live)
    values = {each.name: _filled(each, form, request) for each in fields if each.kind != "file"}
    for each in fields:
        if each.kind == "file" and each.is_required and not request.FILES.get(each.name):
            each.fault = in_words("Choose a file.", "请选择文件。")
    if any(each.fault for each in fields):
        return _page(request, live, fields, status=422)
    run_id = ordered_id()
    try:
        wanted = {each.name for each in fields if each.kind == "file"}
        _, files = calls.form_of(live.trigger.workspace_id, request, run_id, wanted)
        data = {
            "values": values,
            "files": files,
            "submitted_at": timezone.now().isoformat(),
        }
        trigger_fire(live, data, run_id=run_id)
    except SageError as error:
        artifacts_discard(live.trigger.workspace_id, run_id)
        refusal_note(live.trigger, error)
        return _page(request, live, fields, status=error.code.status, refusal=error)
    if live.config["after"] == "redirect" and _is_page(str(live.config["redirect"])):
        return HttpResponseRedirect(str(live.config["redirect"]))
    if live.config["after"] == "result":
        token = sealed_ids.token_for(WATCH_PURPOSE, run_id)
        return HttpResponseRedirect(f"/forms/{live.trigger.pk}/runs/{token}")
    return _told(request, live)


def _is_page(address: str) -> bool:
    return bool(_origin_of(address))


def _origin_of(address: str) -> str:
    """Where a page lies, in ASCII as headers are; empty for what is no address of a page."""
    try:
        parts = urlsplit(address)
        host, port = punycode(parts.hostname or ""), parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host or any(sign in host for sign in "; ,'\""):
        return ""
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")


def _filled(each: FormField, form: QueryDict, request: HttpRequest) -> Any:
    """The value of a field as the flow gets it; what is wrong is noted at the field."""
    text = each.value = form.get(each.name, "").replace("\x00", "").strip()
    if each.kind == "checkbox":
        if each.is_required and not text:
            each.fault = in_words("Tick this box to go on.", "请勾选此项。")
        return bool(text)
    if not text:
        if each.is_required:
            each.fault = in_words("Fill in this field.", "请填写此项。")
        return None if each.kind == "number" else ""
    if len(text) > each.max_length:
        each.fault = in_words(f"At most {each.max_length} characters.", f"最多 {each.max_length} 个字符。")
    return _typed(each, text)


def _typed(each: FormField, text: str) -> Any:
    try:
        value = _READERS.get(each.kind, _as_is)(each, text)
    except (ValueError, ValidationError):
        each.fault = in_words(*_FAULTS[each.kind])
        return text
    return value


def _number(_field: FormField, text: str) -> float:
    number = float(text)
    # What is bigger loses digits on its way through JSON; NaN is no number at all.
    if not abs(number) <= 1e15:
        raise ValueError(text)
    return int(number) if number.is_integer() else number


def _date(_field: FormField, text: str) -> str:
    return date.fromisoformat(text).isoformat()


def _email(_field: FormField, text: str) -> str:
    validate_email(text)
    return text


def _option(each: FormField, text: str) -> str:
    if text not in each.options:
        raise ValueError(text)
    return text


def _as_is(_field: FormField, text: str) -> str:
    return text


_READERS: dict[str, Callable[[FormField, str], Any]] = {
    "number": _number,
    "date": _date,
    "email": _email,
    "select": _option,
}
_FAULTS = {
    "number": ("Write a number.", "请填写数字。"),
    "date": ("Write a date like 2026-01-31.", "请填写日期，例如 2026-01-31。"),
    "email": ("Write an e-mail address.", "请填写电子邮件地址。"),
    "select": ("Choose one of the options.", "请从选项中选择。"),
}


@answering_with(_refused)
def form_run(request: HttpRequest, trigger_id: uuid.UUID, token: str) -> HttpResponseBase:
    """What the flow gave, once it has."""
    trigger = selectors.trigger_find(trigger_id, Kind.FORM)
    live = selectors.live_published(trigger)
    _let_in(live, request)
    run_id = sealed_ids.id_in(WATCH_PURPOSE, token)
    if run_id is None:
        raise SageError(errors.UNKNOWN)
    run = Run.objects.filter(pk=run_id, flow=trigger.flow_id).only("state", "outputs", "inputs").first()
    if run is None or fired_node(run.inputs) != trigger.node_id:
        raise SageError(errors.UNKNOWN)
    words = _words()
    if run.state not in FINAL_STATES:
        said, state = words["working"], "working"
    elif run.state == Run.State.COMPLETED:
        said, state = words["done"], "done"
    else:
        said, state = words["failed"], "failed"
    results = _results(trigger.workspace_id, run) if state == "done" else []
    return _rendered(request, live, "triggers/told.html", {"said": said, "state": state, "results": results})


def _results(workspace_id: uuid.UUID, run: Run) -> list[tuple[str, str]]:
    """The flow's outputs as pairs of name and text; where it declares none, those of its last nodes. What
    holds nothing is left out; a zero and a no are answers."""
    shown: list[tuple[str, str]] = []
    for name, value in values_read(workspace_id, run.outputs).items():
        parts = value.items() if isinstance(value, dict) else [(name, value)]
        shown += [(str(label), _as_text(each)) for label, each in parts if each not in (None, "", [], {})]
    return shown[:20]


def _as_text(value: Any) -> str:
    """A value in the words of people: text as it is, yes and no, lists of single values a line each, the
    rest as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return in_words(*_WORDS["yes" if value else "no"])
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        return "\n".join(_as_text(each) for each in value)
    return json.dumps(value, ensure_ascii=False, indent=2)


def _told(request: HttpRequest, live: Live) -> HttpResponse:
    said = str(live.config["message"]) or _words()["thanks"]
    return _rendered(request, live, "triggers/told.html", {"said": said, "state": "done", "results": []})


def _page(
    request: HttpRequest,
    live: Live,
    fields: list[FormField],
    status: int = 200,
    refusal: SageError | None = None,
) -> HttpResponse:
    """The form with what was filled in, and why it was not taken."""
    language = language_of_request()
    facts: dict[str, Any] = {
        "fields": fields,
        "refusal": refusal and f"{refusal.message(language)} {refusal.hint(language)}".strip(),
        "faults": [each for each in fields if each.fault],
        "trap": TRAP,
    }
    facts["has_files"] = any(each.kind == "file" for each in fields)
    return _rendered(request, live, "triggers/form.html", facts, status)


def _rendered(
    request: HttpRequest, live: Live, template: str, facts: dict[str, Any], status: int = 200
) -> HttpResponse:
    shared = {
        "title": str(live.config["title"]) or live.trigger.flow.name,
        "intro": str(live.config["intro"]),
        "button": str(live.config["button"]) or _words()["send"],
    }
    # A page may lead elsewhere after it was sent; browsers hold such a redirect to this rule too.
    target = str(live.config["redirect"]) if live.config["after"] == "redirect" else ""
    return _as_page(request, template, shared | facts, status, leads_to=_origin_of(target))


def _as_page(
    request: HttpRequest, template: str, facts: dict[str, Any], status: int, *, leads_to: str = ""
) -> HttpResponse:
    shared = {"language": "zh-CN" if language_of_request() == "zh" else "en", "words": _words()}
    response = render(request, template, shared | facts, status=status)
    response["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        f"base-uri 'none'; form-action 'self' {leads_to}; frame-ancestors 'none'"
    )
    response["Cache-Control"] = "no-store"
    return response


def _words() -> dict[str, str]:
    return {name: in_words(*pair) for name, pair in _WORDS.items()}
