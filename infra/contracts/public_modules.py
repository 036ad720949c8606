"""A contract for import-linter: which modules of an app the other apps may use.

``services``, ``selectors`` and the like are an app's front door; its HTTP classes, tasks and adapters
are its own business. Imports inside one app are left to the layers contract.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grimp
from importlinter import Contract, ContractCheck, fields, output


@dataclass(frozen=True, order=True, slots=True)
class Trespass:
    importer: str
    imported: str


class PublicModulesContract(Contract):
    """Every import from one app into another names a public module.

    Options: ``package`` (the parent of the apps), ``public`` (module names other apps may use) and
    ``open`` (full names of packages or modules that anyone may use).
    """

    type_name = "public_modules"

    package = fields.StringField()
    public = fields.SetField(subfield=fields.StringField())
    open = fields.SetField(subfield=fields.StringField(), required=False)

    def check(self, graph: grimp.ImportGraph, verbose: bool) -> ContractCheck:
        trespasses = sorted(
            Trespass(importer, imported)
            for importer in graph.modules
            for imported in graph.find_modules_directly_imported_by(importer)
            if self._forbids(importer, imported)
        )
        return ContractCheck(kept=not trespasses, metadata={"trespasses": trespasses})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for trespass in check.metadata["trespasses"]:
            output.print_error(f"{trespass.importer} may not import {trespass.imported}", bold=False)
        output.new_line()
        output.print_error(f"Other apps may use only: {', '.join(sorted(_value(self.public)))}.", bold=False)

    def _forbids(self, importer: str, imported: str) -> bool:
        source, target = self._app(importer), self._app(imported)
        if source is None or target is None or source == target:
            return False
        if any(imported == name or imported.startswith(f"{name}.") for name in _value(self.open) or ()):
            return False
        inside = imported.split(".")[2:]
        return not inside or inside[0] not in _value(self.public)

    def _app(self, module: str) -> str | None:
        parts = module.split(".")
        return parts[1] if parts[0] == _value(self.package) and len(parts) > 1 else None


def _value(declared: Any) -> Any:
    """What the configuration gave for a declared field: import-linter puts it in the field's place."""
    return declared
