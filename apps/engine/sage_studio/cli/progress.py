"""A run store that also tells a person at the terminal what is happening."""

from __future__ import annotations

import sys
from typing import TextIO

from sage_studio.cli.terminal import coloured, language, one_line
from sage_studio.engine import Batch, Event, MemoryRunStore
from sage_studio.kernel import Json, Text

_SIGNS = {
    "node_started": ("▸", "grey"), "node_completed": ("✓", "green"), "node_failed": ("✗", "red"),
    "node_skipped": ("–", "grey"), "node_retrying": ("↻", "yellow"),
}  # fmt: skip
_WORDS = {
    "node_completed": Text(en="{ms} ms{items}", zh="{ms} 毫秒{items}"),
    "node_skipped": Text(en="skipped", zh="已跳过"),
    "node_retrying": Text(en="trying again", zh="正在重试"),
}
_ITEMS = Text(en=", {items} items", zh="，{items} 项")


class ProgressStore(MemoryRunStore):
    """Keeps records in memory and prints a line per node; nothing when ``out`` is None."""

    def __init__(self, out: TextIO | None = None, *, verbose: bool = False) -> None:
        super().__init__()
        self._out = out
        self._verbose = verbose

    async def record(self, run_id: str, batch: Batch) -> None:
        await super().record(run_id, batch)
        if self._out is not None:
            for event in batch.events:
                self._show(event)

    def _show(self, event: Event) -> None:
        if event.type == "log":
            level, text = str(event.data.get("level", "info")), str(event.data.get("message", ""))
            if self._verbose or level in ("warning", "error"):
                self._print("·", "grey", event.node_id, one_line(text))
        elif event.type in _SIGNS and (self._verbose or event.type != "node_started"):
            sign, colour = _SIGNS[event.type]
            self._print(sign, colour, event.node_id, self._words(event))

    def _words(self, event: Event) -> str:
        if event.type == "node_failed":
            return one_line(_message(event.data.get("error")))
        text = _WORDS.get(event.type)
        if text is None:
            return ""
        items = event.data.get("items")
        shown = "" if items is None else _ITEMS[language()].format(items=items)
        return text[language()].format(ms=event.data.get("duration_ms", 0), items=shown)

    def _print(self, sign: str, colour: str, node_id: str | None, words: str) -> None:
        assert self._out is not None
        print(
            f"{coloured(sign, colour, self._out)} {node_id or ''}  {words}".rstrip(),
            file=self._out,
            flush=True,
        )


def _message(error: Json) -> str:
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def terminal_progress(*, quiet: bool, verbose: bool) -> ProgressStore:
    """Progress on standard error, so that standard output carries the result alone."""
    return ProgressStore(None if quiet else sys.stderr, verbose=verbose)
