"""Talking to a person at a terminal: language, signs and colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TextIO

from sage_studio.kernel import SageError, Text
from sage_studio.kernel.errors import Language

_COLOURS = {"red": "31", "green": "32", "yellow": "33", "grey": "90", "bold": "1"}


def language(environ: Mapping[str, str] | None = None) -> Language:
    """Chinese when the locale says so, else English."""
    values = os.environ if environ is None else environ
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if value := values.get(name):
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def coloured(text: str, colour: str, out: TextIO) -> str:
    """``text`` in a colour when ``out`` is a terminal that wants colours."""
    if not out.isatty() or "NO_COLOR" in os.environ:
        return text
    return f"\033[{_COLOURS[colour]}m{text}\033[0m"


def say(text: Text, out: TextIO | None = None, **facts: object) -> None:
    """Print one sentence in the person's language."""
    print(text[language()].format(**facts), file=out or sys.stdout, flush=True)


def say_error(error: SageError) -> None:
    """Print an error with its place, every further place and what to do."""
    tongue = language()
    print(f"{coloured('✗', 'red', sys.stderr)} {error.message(tongue)}", file=sys.stderr)
    for below in error.errors:
        print(f"  · {below.message(tongue)}", file=sys.stderr)
    if hint := error.hint(tongue):
        print(f"  → {hint}", file=sys.stderr)
    print(f"  [{error.code.code} {error.code.number}]", file=sys.stderr)


def one_line(text: str, width: int = 200) -> str:
    """``text`` on one line, cut to ``width`` characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= width else f"{flat[: width - 1]}…"
