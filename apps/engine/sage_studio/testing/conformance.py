"""All checks of a node, as a list of findings and as a test for pytest."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from sage_studio.sdk import CredentialKind, Node, NodePlugin, as_node
from sage_studio.testing.findings import Finding
from sage_studio.testing.run_checks import (
    Bench,
    check_cancel,
    check_example,
    check_inputs,
    check_secrets,
)
from sage_studio.testing.running import NodeRun
from sage_studio.testing.spec_checks import check_languages, check_spec

Check = Callable[[Bench], Awaitable[Iterator[Finding]]]

# The example comes first: it also loads what the node needs, which is nobody's fault later on.
RUNNING: tuple[Check, ...] = (check_example, check_inputs, check_secrets, check_cancel)


async def examine(node: type[Node | NodePlugin], *, kinds: tuple[CredentialKind, ...] = ()) -> list[Finding]:
    """Everything there is to say of a node: errors, warnings, and what could not be checked.

    ``kinds`` are the kinds of credentials its plug-in brings.
    """
    made: type[Node] = as_node(node) if issubclass(node, NodePlugin) else node
    bench = Bench(made, kinds)
    found = [*check_spec(made.spec), *check_languages(made.spec)]
    for check in RUNNING:
        found += await check(bench)
    return found


async def run_example(node: type[Node | NodePlugin], *, kinds: tuple[CredentialKind, ...] = ()) -> NodeRun:
    """A run of the node's own example, without a network."""
    made: type[Node] = as_node(node) if issubclass(node, NodePlugin) else node
    return await Bench(made, kinds).run()


def conformance(
    *nodes: type[Node | NodePlugin], kinds: tuple[CredentialKind, ...] = ()
) -> Callable[[], None]:
    """A test for pytest that fails with every error of the nodes. Needs no plug-in of pytest's."""

    def test_conformance() -> None:
        errors = [
            str(finding)
            for node in nodes
            for finding in _run(examine(node, kinds=kinds))
            if finding.severity == "error"
        ]
        assert not errors, "\n".join(errors)

    return test_conformance


def _run(work: Any) -> list[Finding]:
    with asyncio.Runner() as runner:
        found: list[Finding] = runner.run(work)
    return found
