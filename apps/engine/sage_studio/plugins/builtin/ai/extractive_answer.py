"""Answers a question by quoting the passages that fit it best. No model is used, and it says so."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from sage_studio.kernel import JsonObject
from sage_studio.plugins.support.documents import Document, as_documents, source_label
from sage_studio.plugins.support.splitting import sentences
from sage_studio.plugins.support.words import has_cjk, words
from sage_studio.sdk import Choice, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text

_SAID = {
    "en": "Quoted from your documents; no language model was used.",
    "zh": "以下内容直接摘自您的文档，未使用语言模型。",
}
_NOTHING = {
    "en": "None of the documents says anything that fits this question. No language model was used.",
    "zh": "文档中没有找到与该问题相关的内容。未使用语言模型。",
}
_MAX_QUOTE = 400


class Quote(TypedDict):
    """A sentence that fits, and where it stands."""

    text: str
    source: str
    metadata: JsonObject
    score: float


class ExtractiveAnswer(Node):
    """Sentences are ranked by the rare words of the question they share."""

    spec = NodeSpec(
        id="extractive_answer",
        name=text("Answer by quoting", "引用式回答"),
        description=text(
            "Quotes the sentences that fit the question, with their source. Needs no model.",
            "引用与问题相关的原文句子并注明出处，无需模型。",
        ),
        category="ai",
        icon="quote",
        gives_all=True,
        deterministic=True,
        inputs=(
            Port(name="documents", type="array<Document>", label=text("Passages", "段落"), required=True),
        ),
        outputs=(
            Port(name="answer", type="string", label=text("Answer", "回答")),
            Port(name="quotes", type="array<object>", label=text("Quotes", "引文")),
        ),
        config=(
            Field(
                name="question",
                label=text("Question", "问题"),
                default="",
                required=True,
                control="textarea",
                max_length=20_000,
                wireable=True,
            ),
            Field(
                name="max_quotes",
                type="integer",
                label=text("Most quotes", "最多引用"),
                default=3,
                minimum=1,
                maximum=20,
                unit=text("sentences", "句"),
            ),
            Field(
                name="language",
                label=text("Language", "语言"),
                default="auto",
                control="select",
                expression="never",
                options=(
                    Choice(value="auto", label=text("As the question", "与问题一致")),
                    Choice(value="en", label=text("English", "英文")),
                    Choice(value="zh", label=text("Chinese", "中文")),
                ),
                expert=True,
            ),
        ),
        example={
            "config": {"question": "How long is the warranty?"},
            "inputs": {"documents": [{"text": "The warranty lasts two years.", "metadata": {"source": "a"}}]},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        question = settings.text("question")
        documents = as_documents(inputs.get("documents"), "documents")
        quotes = await ctx.in_thread(best_quotes, question, documents, settings.integer("max_quotes"))
        language = settings.text("language")
        if language == "auto":
            language = "zh" if has_cjk(question) else "en"
        return {"answer": _answer(quotes, language), "quotes": quotes}


def _answer(quotes: list[Quote], language: str) -> str:
    if not quotes:
        return _NOTHING[language]
    lines = [f"> {quote['text']}\n> — {quote['source']}" for quote in quotes]
    return "\n\n".join([_SAID[language], *lines])


def best_quotes(question: str, documents: list[Document], count: int) -> list[Quote]:
    """The sentences that share most with the question, best first; near-equal ones only once."""
    wanted = set(words(question))
    spans = [
        (entry, entry["text"][start:end].strip())
        for entry in documents
        for start, end in sentences(entry["text"])
    ]
    bags = [set(words(sentence)) for _entry, sentence in spans]
    rarity = {word: math.log(1 + len(bags) / (1 + sum(word in bag for bag in bags))) for word in wanted}
    scored = [(sum(rarity[word] for word in wanted & bag), at) for at, bag in enumerate(bags)]
    best = sorted((pair for pair in scored if pair[0] > 0), key=lambda pair: (-pair[0], pair[1]))
    quotes: list[Quote] = []
    taken: list[set[str]] = []
    for score, at in best:
        if len(quotes) == count or score < best[0][0] * 0.5:
            break
        if any(len(bags[at] & other) > 0.8 * len(bags[at] | other) for other in taken):
            continue
        entry, sentence = spans[at]
        taken.append(bags[at])
        quotes.append(_quote(entry, sentence, score))
    return quotes


def _quote(entry: Document, sentence: str, score: float) -> Quote:
    one_line = " ".join(sentence.split())
    shown = one_line if len(one_line) <= _MAX_QUOTE else f"{one_line[:_MAX_QUOTE]}…"
    metadata = entry["metadata"]
    return Quote(text=shown, source=source_label(metadata), metadata=metadata, score=round(score, 3))
