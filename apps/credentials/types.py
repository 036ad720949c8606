"""Words of credentials: what a host name may look like, and how people's fields are read by their kind."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sage_studio.egress import checked_url
from sage_studio.kernel import Json, SageError
from sage_studio.sdk import CredentialField, CredentialKind

MAX_HOSTS = 20
SECRET_LENGTH = 100_000
_HOST = re.compile(
    r"^(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?::\d{1,5})?$"
)
_HEADER = re.compile(r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$")
_FORBIDDEN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "cookie", "te"})
_PREFIX = re.compile(r"^[\x21-\x7e]{0,50}$")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class FieldProblem(Exception):
    """What is wrong with one field, in both languages."""

    field: str
    en: str
    zh: str


def clean_host(value: str) -> str | None:
    """A host name in lower case (``api.example.org`` or with ``:port``); None when it is not one.

    An address such as ``https://api.example.org/v1`` gives its host. Names beyond ASCII are given
    in their xn-- form; wildcards are refused: a credential goes to exactly the hosts it names.
    """
    host = value.strip().lower()
    host = re.sub(r"^https?://", "", host).split("/", 1)[0].removesuffix(".")
    try:
        host = host.encode("idna").decode() if not host.isascii() else host
    except UnicodeError:
        return None
    return host if _HOST.match(host) else None


def is_header_name(value: str) -> bool:
    return bool(_HEADER.match(value)) and value.lower() not in _FORBIDDEN_HEADERS


def clean_fields(
    kind: CredentialKind, given: Mapping[str, str], *, kept: Mapping[str, str] | None = None
) -> dict[str, str]:
    """All fields of a credential out of what a person gave. Secrets that are left out or empty stay as they
    are in ``kept``. Raises FieldProblem."""
    for name in given:
        if kind.field(name) is None:
            raise FieldProblem(name[:50], "There is no such field.", "没有该字段。")
    return {field.name: _clean(field, given, kept or {}) for field in kind.fields}


def _clean(field: CredentialField, given: Mapping[str, str], kept: Mapping[str, str]) -> str:
    default = "" if field.default is None else str(field.default)
    value = given.get(field.name, "" if field.secret else kept.get(field.name, default))
    value = value if field.secret else value.strip()
    if field.secret and not value:
        value = kept.get(field.name, "")
    if field.required and not value.strip():
        raise FieldProblem(field.name, "This may not be empty.", "不能为空。")
    if _CONTROL.search(value):
        raise FieldProblem(field.name, "This holds control characters.", "包含控制字符。")
    _check_shape(field, value)
    return value


def _check_shape(field: CredentialField, value: str) -> None:
    if field.max_length is not None and len(value) > field.max_length:
        limit = field.max_length
        raise FieldProblem(field.name, f"At most {limit} characters.", f"最多 {limit} 个字符。")
    if field.options and value not in {option.value for option in field.options}:
        raise FieldProblem(field.name, "Choose one of the options.", "请选择列出的选项。")
    if field.type == "integer" and value:
        number = int(value) if re.fullmatch(r"-?\d{1,9}", value) else None
        low, high = field.minimum, field.maximum
        if number is None or (low is not None and number < low) or (high is not None and number > high):
            raise FieldProblem(
                field.name, f"A number from {low:g} to {high:g}.", f"{low:g} 到 {high:g} 的整数。"
            )
    check = _CHECKS.get(field.name)
    if check is not None and value and not field.secret:
        check(field.name, value)


def _check_header(name: str, value: str) -> None:
    if not is_header_name(value):
        raise FieldProblem(name, "This cannot be the name of the header.", "不能作为请求头名称。")


def _check_prefix(name: str, value: str) -> None:
    if not _PREFIX.match(value):
        raise FieldProblem(name, "One word without spaces.", "应为不含空格的单词。")


def _check_url(name: str, value: str) -> None:
    try:
        checked_url(value)
    except SageError as error:
        raise FieldProblem(name, error.message("en"), error.message("zh")) from error


def _check_host(name: str, value: str) -> None:
    if any(clean_host(entry) is None for entry in value.split(",")):
        raise FieldProblem(name, "This is not the name of a host.", "不是有效的主机名。")


_CHECKS = {
    "header": _check_header,
    "parameter": _check_header,
    "prefix": _check_prefix,
    "base_url": _check_url,
    "endpoint": _check_url,
    "authorize_url": _check_url,
    "token_url": _check_url,
    "host": _check_host,
    "hosts": _check_host,
}

ENVIRONMENTS = ("", "draft", "staging", "production")
"""Where a variable counts; empty: everywhere, unless the environment has its own."""
# Runs of the live document are drafts.
DRAFT = "draft"
# What runs read as ``vars`` by name, and the texts among them that are secret.
Variables = tuple[dict[str, Json], list[str]]
VARIABLE_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
VARIABLE_VALUE_LENGTH = 100_000
SECRET_VALUE_LENGTH = 10_000
