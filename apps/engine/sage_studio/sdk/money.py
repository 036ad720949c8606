"""Money as nodes report it: whole millionths (*micros*) of a currency, because a call costs less than a cent.

A price per million tokens in a currency is therefore its micros per token.
"""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

MICROS = 1_000_000
# Rough, and on the safe side for most languages: a prompt is priced before anybody has counted it.
_BYTES_PER_TOKEN = 3

_NO_MINOR_UNIT = frozenset({"JPY", "KRW", "VND", "CLP", "ISK", "XAF", "XOF", "XPF", "UGX", "PYG", "RWF"})
_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


class Price(TypedDict):
    """What a model costs: micros of ``currency`` per million tokens. Where nobody has said what a cache
    costs, reading it costs as much as any token, and writing it a quarter more."""

    model: str
    currency: str
    input_micros: int
    output_micros: int
    cache_read_micros: NotRequired[int]
    cache_write_micros: NotRequired[int]


def usage_micros(
    price: Price, input_tokens: int, output_tokens: int = 0, *, cache_read: int = 0, cache_write: int = 0
) -> int:
    """What so many tokens cost, rounded up."""
    per_token = price["input_micros"]
    total = per_token * input_tokens + price["output_micros"] * output_tokens
    total += price.get("cache_read_micros", per_token) * cache_read
    total += price.get("cache_write_micros", per_token * 5 // 4) * cache_write
    return -(-total // MICROS)


def tokens_in(*texts: str) -> int:
    """About how many tokens texts have."""
    return sum(-(-len(text.encode("utf-8", "replace")) // _BYTES_PER_TOKEN) for text in texts)


def minor_to_micros(amount: int, currency: str) -> int:
    """An amount in a currency's smallest unit (cents, mostly) in micros."""
    if currency in _NO_MINOR_UNIT:
        return amount * MICROS
    return amount * (MICROS // (1_000 if currency in _THOUSANDTHS else 100))
