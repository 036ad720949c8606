"""What the validator finds: an issue names the place, says what to do, and may offer a safe fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sage_studio.flow.operations import Operation, dump_operation
from sage_studio.kernel import ErrorCode, Json, JsonObject, SageError, Text, json_object

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Issue:
    """``path`` is the place in the document (``nodes[3].config.size``); ``fix`` are patch operations
    that mend it without losing anything a person wrote."""

    code: str
    number: int
    severity: Severity
    message: Text
    hint: Text
    path: str = ""
    node_id: str = ""
    edge_id: str = ""
    fix: tuple[Operation, ...] = ()

    def dump(self) -> JsonObject:
        """The issue as JSON; what does not apply is left out."""
        body: JsonObject = {
            "code": self.code,
            "number": self.number,
            "severity": self.severity,
            "path": self.path,
            "message": json_object(self.message),
            "hint": json_object(self.hint),
        }
        if self.node_id:
            body["node_id"] = self.node_id
        if self.edge_id:
            body["edge_id"] = self.edge_id
        if self.fix:
            body["fix"] = [dump_operation(operation) for operation in self.fix]
        return body


@dataclass(slots=True)
class Place:
    """Where an issue stands."""

    path: str = ""
    node_id: str = ""
    edge_id: str = ""

    def below(self, step: str) -> Place:
        return Place(f"{self.path}.{step}" if self.path else step, self.node_id, self.edge_id)


def issue(
    code: ErrorCode,
    place: Place,
    *,
    severity: Severity = "error",
    fix: Iterable[Operation] = (),
    near: str | None = None,
    **facts: Json,
) -> Issue:
    """An issue whose texts are ``code``'s, filled with ``facts``; ``near`` is what may have been meant."""
    meant: JsonObject = {
        "suggestion": f" Did you mean “{near}”?" if near else "",
        "suggestion_zh": f"是否想写 “{near}”？" if near else "",
    }
    return from_error(SageError(code, {**facts, **meant}), place, severity=severity, fix=fix)


def from_error(
    error: SageError, place: Place, *, severity: Severity = "error", fix: Iterable[Operation] = ()
) -> Issue:
    """An error met while checking, as an issue."""
    return Issue(
        code=error.code.code,
        number=error.code.number,
        severity=severity,
        message=Text(en=error.message("en"), zh=error.message("zh")),
        hint=Text(en=error.hint("en"), zh=error.hint("zh")),
        path=place.path,
        node_id=place.node_id,
        edge_id=place.edge_id,
        fix=tuple(fix),
    )


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, if any is."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None
