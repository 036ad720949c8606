"""Throttles by name: a view with ``throttle_scope`` is limited per person or network address."""

from __future__ import annotations

from rest_framework.throttling import ScopedRateThrottle


class ScopedThrottle(ScopedRateThrottle):
    """As DRF's; the address is the scope's own, because proxies are resolved before Django."""

    def get_ident(self, request: object) -> str:
        meta: dict[str, str] = request.META  # type: ignore[attr-defined]
        return meta.get("REMOTE_ADDR", "")
