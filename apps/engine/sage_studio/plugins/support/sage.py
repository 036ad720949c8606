"""SAGE's own components inside of a flow: its classes decide, our stores and models answer.

SAGE calls its store and its model from ordinary functions. Here such a call leaves the function with what it
wants (``Wanted``), the answer is fetched by the node as any other would fetch it, held to the same budget and
network, and the function is begun anew with the answers so far. Its steps must therefore be the same each
time, which those of the planner, the retriever and the pipeline are.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from sage_studio.kernel import define_error
from sage_studio.plugins.support.documents import Document
from sage_studio.sdk import Context, NodeError

NOT_INSTALLED = define_error(
    "sage.not_installed",
    3740,
    en="SAGE is not installed: the package {package} is missing.",
    zh="未安装 SAGE：缺少软件包 {package}。",
    hint_en="Run: pip install {packages}",
    hint_zh="请执行：pip install {packages}",
    status=422,
)
FAILED = define_error(
    "sage.failed",
    3741,
    en="SAGE failed: {reason}",
    zh="SAGE 执行失败：{reason}",
    status=502,
)
_PACKAGES = {"sage_rag": "isage-rag isage-common", "sage_libs": "isage-agentic", "sage": "isage-common"}
_MOST_CALLS = 60
T = TypeVar("T")


class Wanted(BaseException):
    """A call of SAGE's that somebody else answers. No Exception: SAGE catches all of those."""

    def __init__(self, kind: str, **what: Any) -> None:
        super().__init__(kind)
        self.kind = kind
        self.what = what


class Answers:
    """What was answered so far, given out in the order it is asked for again."""

    def __init__(self, known: Sequence[Any]) -> None:
        self._known = known
        self._at = 0

    def want(self, kind: str, **what: Any) -> Any:
        """The answer, or Wanted."""
        if self._at == len(self._known):
            raise Wanted(kind, **what)
        self._at += 1
        return self._known[self._at - 1]


def sage_module(name: str) -> Any:
    """A module of SAGE's. Raises NodeError ``sage.not_installed``."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        missing = (error.name or name).partition(".")[0]
        packages = _PACKAGES.get(missing, _PACKAGES.get(name.partition(".")[0], "isage-rag isage-common"))
        package = packages.partition(" ")[0]
        raise NodeError(NOT_INSTALLED, {"package": package, "packages": packages}) from error


async def replayed(
    ctx: Context, work: Callable[[Answers], T], answer: Callable[[Wanted], Awaitable[Any]]
) -> T:
    """Do ``work`` in a thread, answering what it wants. Raises NodeError ``sage.failed``."""
    known: list[Any] = []
    while True:
        try:
            result: T = await ctx.in_thread(_tried, work, Answers(known))
        except Wanted as wanted:
            if len(known) == _MOST_CALLS:
                raise NodeError(FAILED, {"reason": f"more than {_MOST_CALLS} calls"}) from None
            known.append(await answer(wanted))
        else:
            return result


def _tried(work: Callable[[Answers], T], answers: Answers) -> T:
    try:
        return work(answers)
    except (ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise NodeError(FAILED, {"reason": f"{type(error).__name__}: {error}"[:300]}) from error


class SageEncoder:
    """SAGE's embedding model: it hands the words on, because who searches embeds them."""

    def __init__(self) -> None:
        self.asked = ""

    def encode(self, text: str) -> Any:
        self.asked = text
        return np.zeros(1)


class SageHit:
    """One result as SAGE reads them."""

    def __init__(self, document: Document) -> None:
        score = document["metadata"].get("score", 0.0)
        self.score = float(score) if isinstance(score, (int, float)) else 0.0
        self.metadata = {**document["metadata"], "content": document["text"], "id": document["id"]}


class SageStore:
    """SAGE's vector store, over whatever the node retrieves from."""

    def __init__(self, answers: Answers, encoder: SageEncoder) -> None:
        self._answers = answers
        self._encoder = encoder

    def search(self, _vector: Any, k: int) -> list[SageHit]:
        found = self._answers.want("search", query=self._encoder.asked, top_k=k)
        return [SageHit(document) for document in found]


class SageGenerator:
    """SAGE's language model, in both forms it calls it by."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    def generate(self, prompt: str) -> str:
        return str(self._answers.want("chat", prompt=prompt, system=""))

    def execute(self, asked: Sequence[Any]) -> tuple[Any, str]:
        query, turns = asked
        system = "\n\n".join(turn["content"] for turn in turns if turn["role"] == "system")
        return query, str(self._answers.want("chat", prompt=str(query), system=system))


def dense_retriever(answers: Answers, top_k: int) -> Any:
    """SAGE's ``DenseRetriever`` over the node's store."""
    encoder = SageEncoder()
    return sage_module("sage_rag").DenseRetriever(
        embedding_model=encoder, vector_store=SageStore(answers, encoder), top_k=top_k
    )


def as_document(found: Any) -> Document:
    """One of SAGE's documents as ours."""
    metadata = {key: value for key, value in found.metadata.items() if key not in {"content", "id"}}
    return Document(id=str(found.metadata.get("id", "")), text=str(found.content), metadata=metadata)
