"""The mix of flows, and what each run of one is given; those with bodies and waits are in ``containers``.

Every flow takes ``n`` (a small number that decides what it computes and which way it goes) and ``tag``
(unique per start, which marks its lines in the ledger). Outputs depend on ``n`` alone, so the oracle needs
to run each flow once per ``n``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from infra.chaos import containers
from infra.chaos.documents import Json, flow, node, step

NUMBERS = 6
Build = Callable[[str], Json]


@dataclass(frozen=True, slots=True)
class Kind:
    """A flow of the mix: how often it is drawn (0: only called by others), and whether it has a node
    nobody may repeat."""

    build: Build
    weight: int
    has_once: bool = False


def _chain_of(kind: str, length: int, seconds: float) -> Build:
    def build(_: str) -> Json:
        nodes = [step("s0", "{{ flow.inputs.n }}", kind, seconds)]
        nodes += [step(f"s{i}", f"{{{{ inputs.value * 3 + {i} }}}}", kind, seconds) for i in range(1, length)]
        edges = " ".join(f"s{i}:value>s{i + 1}:value" for i in range(length - 1))
        return flow(nodes, edges, {"last": f"{{{{ s{length - 1}.value }}}}"})

    return build


def _branches(_: str) -> Json:
    nodes = [
        step("start", "{{ flow.inputs.n }}", "chaos_step", 0.1),
        node("which", "if_else", condition="{{ inputs.value % 2 == 0 }}"),
        step("even", "{{ inputs.value * 10 }}"),
        step("odd", "{{ inputs.value * 100 }}"),
        step("more", "{{ inputs.value + 1 }}"),
        node("both", "merge", mode="any"),
        step("end", "{{ inputs.value }}"),
    ]
    edges = (
        "start:value>which:value which:true>even:value which:false>odd:value odd:value>more:value"
        " even:value>both:values more:value>both:values both:value>end:value"
    )
    return flow(nodes, edges, {"end": "{{ end.value }}"})


def _retries(_: str) -> Json:
    again = {"count": 3, "delay_s": 0.2}
    nodes = [
        step("a", "{{ flow.inputs.n + 1 }}", "chaos_step", 0.1, fails=1, retry=again),
        step("b", "{{ inputs.value * 2 }}", fails=1, retry=again),
        step("c", "{{ inputs.value * 2 }}", seconds=0.1),
    ]
    return flow(nodes, "a:value>b:value b:value>c:value", {"c": "{{ c.value }}"})


def _fan(_: str) -> Json:
    width = 8
    nodes = [step("start", "{{ flow.inputs.n }}", "chaos_step", 0.05)]
    nodes += [step(f"f{i}", f"{{{{ inputs.value + {i} }}}}", seconds=0.1 * (i % 4)) for i in range(width)]
    nodes += [node("join", "merge", mode="all"), step("end", "{{ inputs.value }}", "chaos_step", 0)]
    edges = " ".join(f"start:value>f{i}:value f{i}:value>join:values" for i in range(width))
    return flow(nodes, f"{edges} join:value>end:value", {"all": "{{ end.value }}"})


def _slow_http(receiver: str) -> Json:
    nodes = [
        node(
            "post",
            "http_request",
            method="POST",
            url=f"{receiver}/slow",
            body_type="json",
            body={"n": "{{ flow.inputs.n }}", "tag": "{{ flow.inputs.tag }}"},
            send_key=True,
        ),
        node("get", "http_request", url=f"{receiver}/plain?n={{{{ post.body.twice }}}}"),
        step("end", "{{ get.body.twice }}"),
    ]
    edges = "post:body>get:value get:body>end:value"
    return flow(nodes, edges, {"end": "{{ end.value }}"})


def _fails(_: str) -> Json:
    nodes = [
        step("a", "{{ flow.inputs.n }}"),
        step("bad", "{{ inputs.value }}", "chaos_step", 0.1, fails=1000),
        step("never", "{{ inputs.value }}"),
    ]
    return flow(nodes, "a:value>bad:value bad:value>never:value", {"never": "{{ never.value }}"})


def _routes(_: str) -> Json:
    nodes = [
        step("a", "{{ flow.inputs.n }}", "chaos_step", 0),
        step("bad", "{{ inputs.value }}", "chaos_step", 0.1, fails=1000, on_error="route"),
        step("handled", "{{ flow.inputs.n * 7 }}"),
    ]
    return flow(nodes, "a:value>bad:value bad:error>handled:value", {"handled": "{{ handled.value }}"})


MIX: dict[str, Kind] = {
    "chain": Kind(_chain_of("chaos_effect", 5, 0.4), 4),
    "pure": Kind(_chain_of("chaos_step", 12, 0.02), 2),
    "long": Kind(_chain_of("chaos_effect", 12, 1.0), 2),
    "once": Kind(_chain_of("chaos_once", 3, 0.5), 2, has_once=True),
    "branches": Kind(_branches, 3),
    "retries": Kind(_retries, 3),
    "fan": Kind(_fan, 3),
    "slow_http": Kind(_slow_http, 3),
    "fails": Kind(_fails, 1),
    "routes": Kind(_routes, 1),
    "loop": Kind(containers.loop, 2),
    "grow": Kind(containers.grow, 2),
    "spread": Kind(containers.spread, 2),
    "caught": Kind(containers.caught, 2),
    "lanes": Kind(containers.lanes, 2),
    "timer": Kind(containers.timer, 2),
    "approval": Kind(containers.approval, 2),
    "calls": Kind(containers.calls, 2),
    "callee": Kind(containers.callee, 0),
    "fleet": Kind(containers.fleet, 2),
    "chunks": Kind(containers.chunks, 3),
    "keeps": Kind(containers.keeps, 2),
}
