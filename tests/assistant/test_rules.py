"""Which rule speaks for which error, and what it proposes."""

from __future__ import annotations

import pytest

from apps.assistant.rules import RULES, rule_for
from sage_studio.flow import FlowDocument, FlowNode, apply, parse_patch
from sage_studio.kernel.errors import Problem


def error(code: str, message: str) -> Problem:
    return Problem(code=code, message=message, retryable=False)


@pytest.mark.parametrize(
    ("code", "message", "rule"),
    [
        ("http.unreachable", "localhost cannot be reached: Connection refused", "connection_refused"),
        ("http.unreachable", "x.invalid cannot be reached: the name is not known", "name_unknown"),
        ("http_request.status", "GET … answered with status 429.", "rate_limited"),
        ("http_request.status", "GET … answered with status 401.", "credential_refused"),
        ("http_request.status", "GET … answered with status 503.", "server_error"),
        ("http_request.status", "GET … answered with status 404.", "not_found"),
        ("http.refused", "10.0.0.1 lies in a network that flows may not reach.", "address_private"),
        ("expression.unknown_name", "Nothing is called x", "expression_wrong"),
        ("llm.no_model", "No language model is configured.", "model_missing"),
        ("pdf.password", "“a.pdf” is protected", "pdf_password"),
        ("pdf.damaged", "“a.pdf” cannot be read as a PDF", "file_wrong"),
        ("node.timeout", "The node did not finish within 5 seconds.", "timeout"),
        ("plugin.odd", "flux capacitor", "unknown"),
    ],
)
def test_the_most_specific_rule_speaks(code: str, message: str, rule: str) -> None:
    assert rule_for(error(code, message)).name == rule


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
