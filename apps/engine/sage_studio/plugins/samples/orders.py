"""A table of 100,000 made-up orders with the faults real exports have."""

from __future__ import annotations

import random
from datetime import date, timedelta

ROWS = 100_000
_COUNTRIES = ("Germany", "France", "China", "Spain", "Japan", "Brazil", "Canada", "Kenya")
_PRODUCTS = (("lamp", 39.9), ("saddle", 54.0), ("bell", 8.5), ("lock", 27.25), ("helmet", 61.0))
_STATES = ("paid", "paid", "paid", "paid", "paid", "shipped", "shipped", "cancelled")
_SEED = 20_240_229


def orders_csv(rows: int = ROWS) -> bytes:
    """CSV with a header; about 4 % of the countries are blank, oddly written or padded."""
    chance = random.Random(_SEED)  # noqa: S311 - sample data, not a secret
    first_day = date(2025, 1, 1)
    lines = ["order_id,date,country,product,quantity,unit_price,status"]
    for number in range(1, rows + 1):
        country = _written(chance, chance.choice(_COUNTRIES))
        product, price = chance.choice(_PRODUCTS)
        day = first_day + timedelta(days=chance.randrange(365))
        quantity = 0 if chance.random() < 0.01 else chance.randint(1, 6)
        state = chance.choice(_STATES)
        lines.append(f"A{number:06d},{day},{country},{product},{quantity},{price:.2f},{state}")
    return ("\n".join(lines) + "\n").encode()


def _written(chance: random.Random, country: str) -> str:
    fault = chance.random()
    if fault < 0.01:
        return ""
    if fault < 0.02:
        return country.upper()
    if fault < 0.03:
        return f" {country} "
    return country.lower() if fault < 0.04 else country
