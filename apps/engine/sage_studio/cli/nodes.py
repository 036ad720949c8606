"""``sage-studio nodes``: which node types there are, and what each takes and gives."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from sage_studio.cli import exit_codes
from sage_studio.cli.terminal import coloured, language, say
from sage_studio.flow.spec import NodeSpec
from sage_studio.kernel import Text
from sage_studio.plugins.manager.installed import local_registry

_UNKNOWN = Text(en="There is no node type “{name}”.", zh="没有节点类型 “{name}”。")
_PARTS = {
    "inputs": Text(en="Inputs", zh="输入"),
    "outputs": Text(en="Outputs", zh="输出"),
    "config": Text(en="Settings", zh="设置"),
}
_REQUIRED = Text(en="required", zh="必填")


def command(arguments: Sequence[str]) -> int:
    """List the node types, or explain some of them."""
    parser = argparse.ArgumentParser(prog="sage-studio nodes", description=command.__doc__)
    parser.add_argument("types", nargs="*", metavar="type", help="node types to explain")
    parser.add_argument("--json", action="store_true", help="print the specs as JSON")
    chosen = parser.parse_args(arguments)
    registry = local_registry()
    specs: list[NodeSpec] = [] if chosen.types else registry.specs()
    for name in chosen.types:
        spec = registry.spec(name)
        if spec is None:
            say(_UNKNOWN, sys.stderr, name=name)
            return exit_codes.USAGE
        specs.append(spec)
    if chosen.json:
        shapes = [spec.model_dump(mode="json", exclude_none=True) for spec in specs]
        print(json.dumps(shapes, ensure_ascii=False, indent=2))
    elif chosen.types:
        print("\n\n".join(_explained(spec) for spec in specs))
    else:
        _print_table(specs)
    return exit_codes.OK


def _print_table(specs: Sequence[NodeSpec]) -> None:
    tongue = language()
    width = max((len(spec.id) for spec in specs), default=0)
    kinds = max((len(spec.category) for spec in specs), default=0)
    for spec in specs:
        words = f"{spec.name[tongue]}: {spec.description[tongue]}"
        print(f"{spec.id:<{width}}  {spec.category:<{kinds}}  {spec.version}  {words}")


def _explained(spec: NodeSpec) -> str:
    tongue = language()
    lines = [
        f"{coloured(spec.id, 'bold', sys.stdout)} {spec.version}: {spec.name[tongue]}",
        spec.description[tongue],
    ]
    ports = {"inputs": spec.input_ports(), "outputs": spec.outputs}
    for part, listed in ports.items():
        if listed:
            lines.append(f"{_PARTS[part][tongue]}:")
            lines.extend(f"  {port.name} ({port.type}): {port.label[tongue]}" for port in listed)
    if spec.config:
        lines.append(f"{_PARTS['config'][tongue]}:")
    for field in spec.config:
        default = "" if field.default in (None, "") else f" = {json.dumps(field.default, ensure_ascii=False)}"
        required = f", {_REQUIRED[tongue]}" if field.required else ""
        lines.append(f"  {field.name} ({field.type}{required}){default}: {field.label[tongue]}")
        if field.options:
            lines.append(f"      {', '.join(choice.value for choice in field.options)}")
    return "\n".join(lines)
