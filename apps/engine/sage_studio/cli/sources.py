"""Flows and inputs as they are named on a command line."""

from __future__ import annotations

import json
import mimetypes
import sys
from collections.abc import Iterable
from pathlib import Path

from sage_studio.flow import FlowDocument, parse, parse_type
from sage_studio.flow.reading import MAX_BYTES
from sage_studio.kernel import Json, SageError, define_error, json_object
from sage_studio.plugins.samples import PREFIX as SAMPLE, sample_ref

NO_FILE = define_error(
    "cli.no_file", 1101, status=404,
    en="“{path}” cannot be read: {reason}.", zh="无法读取 “{path}”：{reason}。",
    hint_en="Check the path; “-” reads from standard input.", hint_zh="请检查路径；“-” 表示从标准输入读取。",
)  # fmt: skip
BAD_INPUT = define_error(
    "cli.bad_input", 1102,
    en="“{text}” is no input: write name=value.", zh="“{text}” 不是有效的输入：应写作 名称=值。",
    hint_en="For example --input question=\"How long?\" or --input files=report.pdf.",
    hint_zh="例如 --input question=\"多久？\" 或 --input files=report.pdf。",
)  # fmt: skip
UNKNOWN_INPUT = define_error(
    "cli.unknown_input", 1103,
    en="The flow has no input “{name}”; its inputs are: {known}.",
    zh="流程没有输入 “{name}”；可用的输入：{known}。",
    hint_en="Use one of these names.", hint_zh="请使用上述名称。",
)  # fmt: skip
NOT_THIS_TYPE = define_error(
    "cli.input_type", 1104,
    en="The input “{name}” takes {type}; “{text}” is no JSON of that kind.",
    zh="输入 “{name}” 的类型为 {type}；“{text}” 不是该类型的 JSON。",
    hint_en="Write it as JSON, for example 5, true, [1, 2] or {{\"a\": 1}}.",
    hint_zh="请写成 JSON，例如 5、true、[1, 2] 或 {{\"a\": 1}}。",
)  # fmt: skip


class UnreadableError(SageError):
    """A file named on the command line cannot be read."""


def read_flow(path: str) -> FlowDocument:
    """The flow in a file, or on standard input for ``-``.

    Raises UnreadableError, and what ``flow.parse`` raises.
    """
    # One byte more than fits: the parser then says that it is too large, whatever its true size.
    if path == "-":
        return parse(sys.stdin.buffer.read(MAX_BYTES + 1))
    try:
        with Path(path).open("rb") as file:
            return parse(file.read(MAX_BYTES + 1))
    except OSError as error:
        raise _unreadable(path, error) from error


def read_inputs(document: FlowDocument, given: Iterable[str]) -> dict[str, Json]:
    """``name=value`` texts as input values, read by the type the flow declares.

    Texts stay texts (``@path`` reads one from a file); files are paths, several by repeating the name;
    everything else is JSON. A flow that declares no inputs takes JSON where it reads as such.
    """
    declared = {item.name: item.type for item in document.inputs}
    values: dict[str, Json] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise SageError(BAD_INPUT, {"text": text[:80]})
        if declared and name not in declared:
            raise SageError(UNKNOWN_INPUT, {"name": name, "known": ", ".join(declared)})
        read = _value(name, value, declared.get(name))
        earlier = values.get(name)
        if isinstance(earlier, list) and isinstance(read, list):
            values[name] = [*earlier, *read]
        else:
            values[name] = read
    return values


def _value(name: str, text: str, kind: str | None) -> Json:
    if kind is None:
        return _json_or_text(text)
    port_type = parse_type(kind)
    if port_type.name == "string":
        return _text(text)
    if port_type.name == "File":
        return _file(text)
    if port_type.name == "array" and port_type.args[0].name == "File":
        return [_file(text)]
    if port_type.name == "any":
        return _json_or_text(text)
    try:
        value: Json = json.loads(text)
    except ValueError as error:
        raise SageError(NOT_THIS_TYPE, {"name": name, "type": str(port_type), "text": text[:80]}) from error
    return value


def _json_or_text(text: str) -> Json:
    try:
        value: Json = json.loads(text)
    except ValueError:
        return _text(text)
    return value


def _text(text: str) -> str:
    if text.startswith("@@"):
        return text[1:]
    if not text.startswith("@"):
        return text
    path = text[1:]
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _file(path: str) -> Json:
    """A File value: a path of this machine, or ``sample:<name>``."""
    if path.startswith(SAMPLE):
        return json_object(sample_ref(path.removeprefix(SAMPLE)))
    file = Path(path)
    try:
        size = file.stat().st_size
        file.open("rb").close()
    except OSError as error:
        raise _unreadable(path, error) from error
    mime = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return {"name": file.name, "mime": mime, "size_bytes": size, "ref": f"path:{file.resolve()}"}


def _unreadable(path: str, error: Exception) -> UnreadableError:
    reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
    return UnreadableError(NO_FILE, {"path": path, "reason": reason})
