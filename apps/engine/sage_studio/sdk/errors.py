"""The error a node raises to say, in a person's words, why it could not do its work."""

from __future__ import annotations

from sage_studio.kernel import SageError, define_error

NODE_FAILED = define_error(
    "node.failed",
    3001,
    en="{message}",
    zh="{message}",
    status=422,
)


class NodeError(SageError):
    """A failure of a node that is an outcome, not a bug.

    Pass a registered code for errors that have one; ``NodeError.plain`` is for a plug-in's own
    sentence.
    """

    @classmethod
    def plain(cls, message: str, *, retryable: bool = False) -> NodeError:
        return cls(NODE_FAILED, {"message": message}, retryable=retryable)
