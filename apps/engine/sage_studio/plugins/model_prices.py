"""List prices of well-known models, for when a workspace has entered none of its own.

Providers change them without telling us: they are a start, and every workspace can set what it really
pays (``executions.ModelPrice``). Dollars per million tokens, as published in 2025.
"""

from __future__ import annotations

from sage_studio.sdk import Price

_CURRENCY = "USD"
# How the model's name begins → micros of a dollar per million tokens in and out. The longest that fits
# counts.
_LISTED: dict[str, tuple[int, int]] = {
    "claude-haiku": (1_000_000, 5_000_000),
    "claude-3-5-haiku": (800_000, 4_000_000),
    "claude-3-haiku": (250_000, 1_250_000),
    "claude-sonnet": (3_000_000, 15_000_000),
    "claude-3-5-sonnet": (3_000_000, 15_000_000),
    "claude-3-7-sonnet": (3_000_000, 15_000_000),
    "claude-opus": (5_000_000, 25_000_000),
    "claude-opus-4-1": (15_000_000, 75_000_000),
    "text-embedding-3-small": (20_000, 0),
    "text-embedding-3-large": (130_000, 0),
    "text-embedding-ada-002": (100_000, 0),
}


# Reading from the cache of these costs a tenth of the input, writing to it a quarter more.
_CACHING = "claude-"


def listed_price(model: str) -> Price | None:
    """The list price of a model; None for one nobody has listed."""
    names = [name for name in _LISTED if model == name or model.startswith(f"{name}-")]
    return _price(model, max(names, key=len)) if names else None


def listed_prices() -> list[Price]:
    """All that are listed; ``model`` is how the names begin."""
    return [_price(name, name) for name in sorted(_LISTED)]


def _price(model: str, listed: str) -> Price:
    cost_in, cost_out = _LISTED[listed]
    price = Price(model=model, currency=_CURRENCY, input_micros=cost_in, output_micros=cost_out)
    return with_cache(price)


def with_cache(price: Price) -> Price:
    """The price with what its caches cost, for models whose service publishes that as a share."""
    if price["model"].startswith(_CACHING):
        price["cache_read_micros"] = price["input_micros"] // 10
        price["cache_write_micros"] = price["input_micros"] * 5 // 4
    return price
