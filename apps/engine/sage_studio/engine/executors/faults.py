"""What went wrong on one side, told to the other so that it means the same there."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from sage_studio.engine.errors import NODE_CRASHED
from sage_studio.engine.executors.errors import BAD_MESSAGE
from sage_studio.kernel import ErrorCode, JsonObject, SageError, Text, error_codes

logger = logging.getLogger("sage_studio.engine")
_MAX_TEXT = 2_000


def fault_to_json(error: BaseException) -> JsonObject:
    """An error as data; an unexpected one takes its traceback along for the log."""
    if isinstance(error, SageError):
        code = error.code
        return {
            "kind": "known",
            "code": code.code,
            "number": code.number,
            "message": {"en": error.message("en"), "zh": error.message("zh")},
            "hint": {"en": error.hint("en"), "zh": error.hint("zh")},
            "status": code.status,
            "facts": dict(error.facts),
            "path": error.path,
            "retryable": error.can_retry,
        }
    shape: JsonObject = {"name": type(error).__name__, "message": str(error)[:_MAX_TEXT]}
    if isinstance(error, OSError):
        return {"kind": "os", **shape}
    trace = "".join(traceback.format_exception(error))[-8_000:]
    return {"kind": "crash", "trace": trace, **shape}


def fault_from_json(shape: Any) -> Exception:
    """The error to raise here: the same registered code, an OSError, or ``node.crashed``."""
    try:
        if shape["kind"] == "known":
            return _known(shape)
        if shape["kind"] == "os":
            return OSError(str(shape["message"]) or str(shape["name"]))
        logger.warning("node_crashed_elsewhere", extra={"trace": str(shape.get("trace", ""))})
        return SageError(NODE_CRASHED, {"kind": str(shape["name"]), "message": str(shape["message"])})
    except (KeyError, TypeError, AttributeError) as error:
        return SageError(BAD_MESSAGE, {"reason": f"an error without {error}"})


def _known(shape: Any) -> SageError:
    """A code this side does not know (a plug-in's own) keeps the texts that came with it."""
    code = error_codes().get(str(shape["code"])) or ErrorCode(
        str(shape["code"]),
        int(shape["number"]),
        _literal(shape["message"]),
        _literal(shape["hint"]),
        int(shape["status"]),
    )
    error = SageError(code, dict(shape["facts"]), str(shape["path"]))
    error.retryable = bool(shape["retryable"])
    return error


def _literal(texts: Any) -> Text:
    """Texts that are already filled in: their braces are no places any more."""
    en, zh = (str(texts[language]).replace("{", "{{").replace("}", "}}") for language in ("en", "zh"))
    return Text(en=en, zh=zh)
