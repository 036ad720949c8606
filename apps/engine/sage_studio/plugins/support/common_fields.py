"""Settings that many nodes have, worded once."""

from __future__ import annotations

from sage_studio.sdk import Field, text

HEADERS = Field(
    name="headers",
    type="object",
    label=text("Headers", "请求头"),
    default={},
    control="key_value",
    expert=True,
)


def time_limit(default: float, *, most: float) -> Field:
    """How long one exchange with a service may take, in seconds."""
    return Field(
        name="timeout_s",
        type="number",
        label=text("Time limit", "超时时间"),
        default=default,
        minimum=0.1,
        maximum=most,
        unit=text("seconds", "秒"),
        expert=True,
    )


def tries_again(default: int, *, most: int) -> Field:
    """How often a request is repeated that failed in a way that may pass."""
    return Field(
        name="retries",
        type="integer",
        label=text("Try again", "重试次数"),
        default=default,
        minimum=0,
        maximum=most,
        unit=text("times", "次"),
        expert=True,
    )
