"""The part of the mix with bodies and waits: loops, maps, try, parallel, sub-flows, timers, approvals."""

from __future__ import annotations

from infra.chaos.documents import Json, flow, node, step

APPROVAL_KEY = "ask||approval"


def loop(_: str) -> Json:
    """Three or four rounds, each an effect that builds on the one before."""
    nodes = [
        node("each", "loop_for", items="{{ [5, 6, 7].concat(flow.inputs.n > 2 ? [flow.inputs.n] : []) }}"),
        step("work", "{{ inputs.value * 2 }}", parent="each"),
        step("more", "{{ inputs.value + index }}", seconds=0.1, parent="each"),
        step("end", "{{ inputs.value }}"),
    ]
    edges = "each:item>work:value work:value>more:value more:value>each:result each:results>end:value"
    return flow(nodes, edges, {"all": "{{ end.value }}", "count": "{{ each.count }}"})


def grow(_: str) -> Json:
    nodes = [
        step("first", "{{ flow.inputs.n + 2 }}", "chaos_step", 0),
        node("rounds", "loop_while", condition="{{ item < 60 }}", max_iterations=20),
        step("double", "{{ inputs.value * 2 }}", seconds=0.2, parent="rounds"),
        step("end", "{{ inputs.value }}"),
    ]
    edges = (
        "first:value>rounds:initial rounds:item>double:value double:value>rounds:result"
        " rounds:value>end:value"
    )
    return flow(nodes, edges, {"end": "{{ end.value }}", "rounds": "{{ rounds.count }}"})


def spread(_: str) -> Json:
    """A map whose items fail at first, inside a loop."""
    again = {"count": 2, "delay_s": 0.1}
    nodes = [
        node("each", "loop_for", items="{{ [1, 2] }}"),
        node("map", "map_each", items="{{ [1, 2, 3, 4, flow.inputs.n] }}", parallelism=3, parent="each"),
        step("a", "{{ inputs.value * 10 }}", parent="map"),
        step("b", "{{ inputs.value + index }}", seconds=0.2, parent="map", fails=1, retry=again),
        step("end", "{{ inputs.value }}", "chaos_step", 0),
    ]
    edges = (
        "map:item>a:value a:value>b:value b:value>map:result map:results>each:result each:results>end:value"
    )
    return flow(nodes, edges, {"all": "{{ end.value }}"})


def caught(_: str) -> Json:
    """Odd numbers fail inside ``try``; the last part runs in any case."""
    nodes = [
        node("guard", "try_catch"),
        step("a", "{{ flow.inputs.n }}", parent="guard"),
        step("b", "{{ inputs.value + 1 }}", parent="guard", fails="{{ flow.inputs.n % 2 == 1 ? 1000 : 0 }}"),
        step("saved", "{{ flow.inputs.n * 100 }}", parent="guard"),
        step("always", "{{ 1 }}", seconds=0.1, parent="guard"),
        step("end", "{{ inputs.value }}"),
    ]
    edges = (
        "guard:try>a:value a:value>b:value b:value>guard:result guard:catch>saved:value"
        " saved:value>guard:result guard:finally>always:value guard:result>end:value"
    )
    return flow(nodes, edges, {"end": "{{ end.value }}"})


def lanes(_: str) -> Json:
    nodes = [
        node("par", "parallel"),
        *(step(f"l{i}", f"{{{{ flow.inputs.n + {i} }}}}", seconds=0.2 * i, parent="par") for i in range(4)),
        step("end", "{{ inputs.value }}", "chaos_step", 0),
    ]
    return flow(nodes, "par:results>end:value", {"all": "{{ end.value }}"})


def timer(_: str) -> Json:
    """Waits long enough to be parked, in the middle of effects; once more in a loop."""
    nodes = [
        step("a", "{{ flow.inputs.n }}"),
        node("rest", "wait", seconds=8),
        step("b", "{{ [1, inputs.value + 1] }}"),
        node("each", "loop_for"),
        node("nap", "wait", seconds=4, parent="each"),
        step("c", "{{ item * flow.inputs.n }}", parent="each"),
    ]
    edges = "a:value>rest:value rest:value>b:value b:value>each:items each:item>nap:value nap:value>c:value"
    return flow(nodes, edges, {"b": "{{ b.value }}", "all": "{{ each.results }}"})


def approval(_: str) -> Json:
    """Asks; the rig answers some seconds later."""
    nodes = [
        step("a", "{{ flow.inputs.n }}"),
        node("ask", "wait", mode="approval", message="Go on?"),
        step("b", "{{ inputs.value * 5 }}"),
    ]
    return flow(nodes, "a:value>ask:value ask:approved>b:value", {"b": "{{ b.value }}"})


def calls(_: str) -> Json:
    """Another flow of the mix as a step, in a map: its effects have keys of their own."""
    given = {"n": "{{ item }}", "tag": "{{ flow.inputs.tag }}/{{ index }}"}
    nodes = [
        node("map", "map_each", items="{{ [0, flow.inputs.n] }}", parallelism=2),
        node("sub", "sub_flow", flow="callee", inputs=given, parent="map"),
        step("end", "{{ inputs.value }}"),
    ]
    edges = "map:item>sub:value sub:outputs>map:result map:results>end:value"
    return flow(nodes, edges, {"end": "{{ end.value }}"})


def callee(_: str) -> Json:
    nodes = [step("x", "{{ flow.inputs.n + 1 }}"), step("y", "{{ inputs.value * 2 }}", seconds=0.5)]
    return flow(nodes, "x:value>y:value", {"y": "{{ y.value }}"})


def keeps(_: str) -> Json:
    """What nodes ask of the host: values that flows keep, and values too big for a row."""
    nodes = [
        step("put", "{{ flow.inputs.n }}", "chaos_keep", 0.2),
        step("big", "{{ 'ab'.repeat(50000) }}", seconds=0.1),
        step("end", "{{ put.value + big.value.length }}"),
    ]
    return flow(nodes, "put:value>big:value big:value>end:value", {"end": "{{ end.value }}"})


def fleet(_: str) -> Json:
    """Heavy nodes, done by any worker as jobs of their own, which are claimed and fenced like runs."""
    again = {"count": 2, "delay_s": 0.1}
    nodes = [
        node("map", "map_each", items="{{ [1, 2, 3, flow.inputs.n] }}", parallelism=4),
        step("work", "{{ item * 3 }}", seconds=0.8, parent="map"),
        step("odd", "{{ inputs.value + 1 }}", seconds=0.1, parent="map", fails=1, retry=again),
        step("end", "{{ inputs.value }}"),
    ]
    edges = "work:value>odd:value odd:value>map:result map:results>end:value"
    return flow(nodes, edges, {"all": "{{ end.value }}"}, executor="celery")


def chunks(_: str) -> Json:
    """A map whose items go to the workers some at a time: what was done of a chunk whose worker is lost is
    done again, under the same keys."""
    again = {"count": 2, "delay_s": 0.1}
    nodes = [
        node(
            "map", "map_each", items="{{ [1, 2, 3, 4, 5, flow.inputs.n] }}", parallelism=2, chunk_size=2,
            on_item_error="collect",
        ),
        step("work", "{{ item * 3 }}", seconds=0.5, parent="map"),
        step("odd", "{{ inputs.value + 1 }}", seconds=0.1, parent="map", fails=1, retry=again),
        step("last", "{{ inputs.value }}", parent="map", fails="{{ item == 4 ? 1000 : 0 }}"),
        step("end", "{{ inputs.value }}"),
    ]  # fmt: skip
    edges = "work:value>odd:value odd:value>last:value last:value>map:result map:results>end:value"
    return flow(nodes, edges, {"all": "{{ end.value }}"}, executor="celery")
