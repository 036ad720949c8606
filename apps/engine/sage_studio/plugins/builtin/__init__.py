"""The node types that come with the product, a folder per category, a file per node."""

from __future__ import annotations

from sage_studio.plugins.builtin.control.if_else import IfElse
from sage_studio.plugins.builtin.control.merge import Merge
from sage_studio.plugins.builtin.output.notify import Notify
from sage_studio.plugins.builtin.processing.data_filter import DataFilter
from sage_studio.plugins.builtin.processing.data_group import DataGroup
from sage_studio.plugins.builtin.processing.data_map import DataMap
from sage_studio.plugins.builtin.trigger.manual_trigger import ManualTrigger
from sage_studio.sdk import Node

BUILTIN_NODES: tuple[type[Node], ...] = (
    ManualTrigger,
    DataFilter,
    DataMap,
    DataGroup,
    IfElse,
    Merge,
    Notify,
)
