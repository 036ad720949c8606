"""What the operator says of plug-ins for the whole installation: which may be used, and in which version.

Rules come from the setting ``SAGE_PLUGIN_RULES``, which nobody changes in the product, and from the table
that administrators fill. A plug-in's own rule stands before the one for all others (``*``), and the setting's
before the table's. Only plug-ins of workspaces are asked about: pip puts the operator's own in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.conf import settings

from apps.catalogue.models import PluginRule
from apps.files.types import KEY_PREFIX
from sage_studio.kernel import Text

ANY_PLUGIN = "*"
ALLOW, DENY = "allow", "deny"


@dataclass(frozen=True, slots=True)
class Rule:
    """``pinned`` is the one version that may be used, or the digest of the one package (``sha256:…``)."""

    plugin_id: str
    is_allowed: bool = True
    pinned: str = ""
    note: str = ""
    is_setting: bool = False

    def refusal(self, version: str, key: str) -> Text | None:
        """Why a package may not be used, for its workspace's owners; None where it may."""
        if not self.is_allowed:
            why = Text(
                en="The administrator of this installation does not allow it.",
                zh="本系统的管理员不允许使用。",
            )
        elif self.pinned and self.pinned not in (version, key):
            kept = (
                self.pinned.removeprefix(KEY_PREFIX)[:12]
                if self.pinned.startswith(KEY_PREFIX)
                else self.pinned
            )
            why = Text(
                en=f"The administrator of this installation allows only {kept}.",
                zh=f"本系统的管理员只允许 {kept}。",
            )
        else:
            return None
        if not self.note:
            return why
        return Text(en=f"{why['en']} {self.note}", zh=f"{why['zh']}{self.note}")


def setting_rules() -> dict[str, Rule]:
    """Those of ``SAGE_PLUGIN_RULES`` (``acme=allow, words=1.2.0, tools=sha256:…, *=deny``)."""
    return {entry.plugin_id: entry for entry in map(_of_setting, settings.PLUGIN_RULES)}


def _of_setting(entry: str) -> Rule:
    plugin_id, said = (part.strip() for part in entry.split("=", 1))
    pinned = "" if said in (ALLOW, DENY) else said
    return Rule(plugin_id, is_allowed=said != DENY, pinned=pinned, is_setting=True)


def rules() -> list[Rule]:
    """All that count, by plug-in."""
    kept = {
        row.plugin_id: Rule(row.plugin_id, row.is_allowed, row.pinned, row.note)
        for row in PluginRule.objects.all()
    }
    return sorted((kept | setting_rules()).values(), key=lambda rule: rule.plugin_id)


class Refusals:
    """The rules as they are now, asked about many packages."""

    def __init__(self, known: Iterable[Rule] | None = None) -> None:
        self._rules: Mapping[str, Rule] = {
            rule.plugin_id: rule for rule in (rules() if known is None else known)
        }

    def of(self, plugin_id: str, version: str, key: str) -> Text | None:
        """Why a package may not be used; None where it may."""
        rule = self._rules.get(plugin_id) or self._rules.get(ANY_PLUGIN)
        return None if rule is None else rule.refusal(version, key)


def is_pin(text: str) -> bool:
    """Whether a text can be a version or a digest."""
    return bool(re.fullmatch(r"sha256:[0-9a-f]{64}|[0-9A-Za-z][0-9A-Za-z.+!_-]{0,59}", text))
