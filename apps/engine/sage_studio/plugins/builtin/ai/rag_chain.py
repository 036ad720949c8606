"""Answers a question from a collection: looks up, asks a language model, checks what it quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.builtin.ai.extractive_answer import best_quotes
from sage_studio.plugins.builtin.ai.vector_writer import COLLECTION_FIELD
from sage_studio.plugins.models.errors import NO_MODEL
from sage_studio.plugins.support.documents import Document, source_label
from sage_studio.plugins.support.models import (
    PREPARES_FROM,
    Asking,
    as_messages,
    model_fields,
    warm_model,
)
from sage_studio.plugins.support.passages import with_passages
from sage_studio.plugins.support.retrieval import (
    MODE_FIELD,
    STORE_FIELDS,
    WHERE_FIELD,
    retrieve,
    top_k_field,
)
from sage_studio.plugins.support.words import has_cjk
from sage_studio.sdk import (
    Choice,
    Context,
    Field,
    LlmMessage,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

_RULES = (
    "Answer from the passages alone, in the language of the question. After each statement give the number "
    "of the passage it stands in, in square brackets: [2]. If the passages do not hold the answer, say so."
)
_NOTHING = {
    "en": "None of the documents says anything that fits this question.",
    "zh": "文档中没有找到与该问题相关的内容。",
}
_CITED = re.compile(r"\[(\d{1,3}(?:\s*[,，、]\s*\d{1,3})*)\]")
_ASKED_ALONE = (
    "Rewrite the last question so that it can be understood without the conversation. Answer with the "
    "question alone."
)


class RagChain(Node):
    """A number in the answer that is no passage's is taken out: it would lead nowhere."""

    prepares_from = PREPARES_FROM
    spec = NodeSpec(
        id="rag_chain",
        name=text("Answer from documents", "知识库问答"),
        description=text(
            "Finds the passages that fit a question and has a language model answer from them, with "
            "references.",
            "检索与问题相关的段落，由语言模型据此回答并标注出处。",
        ),
        category="ai",
        icon="chat",
        effect="idempotent",
        gives_all=True,
        inputs=(
            Port(
                name="messages",
                type="array<Message>",
                label=text("Conversation so far", "此前的对话"),
                description=text("What the question may refer to.", "问题可能指代的上文。"),
            ),
        ),
        outputs=(
            Port(name="answer", type="string", label=text("Answer", "回答")),
            Port(name="citations", type="array<object>", label=text("References", "引用")),
            Port(name="documents", type="array<Document>", label=text("Passages", "段落")),
            Port(name="usage", type="object", label=text("Usage", "用量")),
        ),
        config=(
            Field(
                name="query",
                label=text("Question", "问题"),
                default="",
                required=True,
                control="textarea",
                max_length=20_000,
                wireable=True,
            ),
            COLLECTION_FIELD,
            top_k_field(5),
            MODE_FIELD,
            WHERE_FIELD,
            Field(
                name="system",
                label=text("Role and rules", "角色与规则"),
                help=text("Before the rules on references.", "置于引用规则之前。"),
                default="",
                control="prompt",
                max_length=100_000,
                shared_text=True,
            ),
            *model_fields(),
            Field(
                name="when_unavailable",
                label=text("Without a model", "没有模型时"),
                default="quote",
                control="select",
                expression="never",
                options=(
                    Choice(value="quote", label=text("Quote the passages", "直接引用段落")),
                    Choice(value="fail", label=text("Fail", "失败")),
                ),
            ),
            *STORE_FIELDS,
        ),
        summary=text("{collection}", "{collection}"),
        default_timeout_s=600,
        example={"config": {"query": "What is it?", "collection": "example"}, "inputs": {}},
    )

    async def prepare(self, ctx: Context) -> None:
        await warm_model(ctx)

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        asking = Asking.of(ctx, settings)
        has_model = asking.is_possible
        if not has_model and settings.text("when_unavailable") == "fail":
            raise NodeError(NO_MODEL)
        question = settings.text("query")
        history = as_messages(inputs.get("messages"))
        wanted = await _alone(asking, question, history) if has_model and history else question
        documents = await retrieve(ctx, settings, wanted)
        if not documents:
            return _given(_NOTHING["zh" if has_cjk(question) else "en"], [], documents, asking)
        if not has_model:
            return await _quoted(ctx, asking, question, documents)
        system = "\n\n".join(part for part in (settings.text("system"), _RULES) if part)
        reply = await asking.chat(with_passages(question, documents), system=system, messages=history)
        answer, cited = _checked(reply["text"], documents)
        return _given(answer, cited, documents, asking)


async def _alone(asking: Asking, question: str, history: list[LlmMessage]) -> str:
    """The question as it can be looked up: “and in winter?” means nothing by itself."""
    reply = await asking.chat(f"{_ASKED_ALONE}\n\n{question}", messages=history, max_tokens=300)
    return reply["text"].strip()[:2_000] or question


async def _quoted(ctx: Context, asking: Asking, question: str, documents: list[Document]) -> NodeOutput:
    quotes = await ctx.in_thread(best_quotes, question, documents, 3)
    by_text = {entry["text"]: number for number, entry in enumerate(documents, start=1)}
    numbers = [
        next(
            (
                number
                for whole, number in by_text.items()
                if quote["text"].rstrip("…") in " ".join(whole.split())
            ),
            1,
        )
        for quote in quotes
    ]
    lines = [f"> {quote['text']} [{number}]" for quote, number in zip(quotes, numbers, strict=True)]
    answer, cited = _checked("\n\n".join(lines), documents)
    return _given(answer or _NOTHING["zh" if has_cjk(question) else "en"], cited, documents, asking)


def _given(answer: str, cited: list[Any], documents: list[Document], asking: Asking) -> NodeOutput:
    return {"answer": answer, "citations": cited, "documents": documents, "usage": asking.usage()}


def _checked(answer: str, documents: list[Document]) -> tuple[str, list[dict[str, Any]]]:
    """The answer without references that lead nowhere, and what the others lead to, in their order."""
    used: dict[int, None] = {}

    def kept(match: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", match[1])]
        known = [number for number in numbers if 1 <= number <= len(documents)]
        used.update(dict.fromkeys(known))
        return "".join(f"[{number}]" for number in known)

    checked = _CITED.sub(kept, answer)
    return checked, [_citation(number, documents[number - 1]) for number in used]


def _citation(number: int, entry: Document) -> dict[str, Any]:
    return {
        "number": number,
        "id": entry["id"],
        "source": source_label(entry["metadata"]),
        "text": entry["text"],
        "metadata": entry["metadata"],
    }
