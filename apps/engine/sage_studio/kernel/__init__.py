"""What every other package stands on: the error root and registry, ids, the JSON alias and clocks."""

from sage_studio.kernel.clock import Clock, SystemClock
from sage_studio.kernel.collector import collector_paused
from sage_studio.kernel.errors import ErrorCode, Problem, SageError, Text, define_error, error_codes
from sage_studio.kernel.ids import new_id, new_node_id
from sage_studio.kernel.json import Json, JsonObject, json_object

__all__ = [
    "Clock",
    "ErrorCode",
    "Json",
    "JsonObject",
    "Problem",
    "SageError",
    "SystemClock",
    "Text",
    "collector_paused",
    "define_error",
    "error_codes",
    "json_object",
    "new_id",
    "new_node_id",
]
