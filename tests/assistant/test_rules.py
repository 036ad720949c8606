"""Which rule speaks for which error, and what it proposes."""

from __future__ import annotations

import pytest

from apps.assistant.rules import RULES, rule_for
from sage_studio.flow import FlowDocument, FlowNode, apply, parse_patch
from sage_studio.kernel.errors import Problem


def error(code: str, message: str) -> Problem:
    return Problem(code=code, message=message, retryable=False)


@pytest.mark.parametrize(
    ("code", "message", "node_type", "rule"),
    [
        ("http.refused", "Connection refused (localhost:19530)", "http_request", "connection_refused"),
        ("http.status", "The server answered 429 Too Many Requests", "http_request", "rate_limited"),
        ("http.status", "The server answered 401 Unauthorized", "http_request", "credential_refused"),
        ("http.status", "The server answered 503", "http_request", "server_error"),
        ("expression.unknown_name", "Nothing is called x", "data_map", "expression_wrong"),
        ("llm.not_configured", "No model is configured", "llm", "model_key_missing"),
        ("node.failed", "The PDF needs a password", "pdf_parser", "pdf_password"),
        ("node.timeout", "Timed out after 5 s", "llm", "timeout"),
        ("plugin.odd", "flux capacitor", "mystery", "unknown"),
    ],
)
def test_the_most_specific_rule_speaks(code: str, message: str, node_type: str, rule: str) -> None:
    assert rule_for(error(code, message), node_type).name == rule


def test_every_proposed_change_applies_to_the_node_it_was_made_for() -> None:
    node = FlowNode(id="http_request_a1b2", type="http_request")
    document = FlowDocument(nodes=[node])
    proposals = [item.patch(node) for rule in RULES for item in rule.advice if item.patch is not None]
    assert proposals
    for proposal in proposals:
        assert proposal is not None
        outcome = apply(document, parse_patch(proposal))
        assert not outcome.conflicts
        assert outcome.document != document


def test_every_rule_speaks_both_languages() -> None:
    for rule in RULES:
        for text in (rule.cause, *(item.text for item in rule.advice)):
            assert text["en"]
            assert text["zh"]
