"""Declarations of who may use a route. Every HTTP and WebSocket route carries one; a route
without one is refused. What the roles may do is decided in ``apps.workspaces.policies``."""

from __future__ import annotations

from dataclasses import dataclass

# Scopes of API tokens that matter outside workspaces (all of them: ``apps.accounts.types.Scope``).
READ = "read"
WRITE = "write"


@dataclass(frozen=True, slots=True)
class Public:
    """Anyone, signed in or not. Listed in the golden file of public routes."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Any person. ``browser_only`` refuses API tokens (a token cannot mint tokens)."""

    browser_only: bool = False


@dataclass(frozen=True, slots=True)
class Admin:
    """Instance administrators."""


@dataclass(frozen=True, slots=True)
class InWorkspace:
    """Members of the workspace in the address whose role allows ``action``."""

    action: str


Policy = Public | SignedIn | Admin | InWorkspace

PUBLIC = Public()
SIGNED_IN = SignedIn()
SIGNED_IN_BROWSER = SignedIn(browser_only=True)
ADMIN = Admin()
