"""A single secret out of a credential, for nodes that must hold it themselves."""

from __future__ import annotations

from sage_studio.sdk import Context


async def secret_text(ctx: Context, credential: str) -> str:
    """The secret of a credential by its name; empty for no name."""
    if not credential:
        return ""
    fields = await ctx.credential(credential)
    return fields.get("api_key") or next(iter(fields.values()), "")
