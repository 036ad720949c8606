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


def listed_price(model: str) -> Price | None:
    """The list price of a model; None for one nobody has listed."""
    names = [name for name in _LISTED if model == name or model.startswith(f"{name}-")]
    if not names:
        return None
    cost_in, cost_out = _LISTED[max(names, key=len)]
    return Price(model=model, currency=_CURRENCY, input_micros=cost_in, output_micros=cost_out)


def listed_prices() -> list[Price]:
    """All that are listed; ``model`` is how the names begin."""
    return [
        Price(model=name, currency=_CURRENCY, input_micros=cost_in, output_micros=cost_out)
        for name, (cost_in, cost_out) in sorted(_LISTED.items())
    ]
