"""Libraries that come with an extra: imported when a node first needs one."""

from __future__ import annotations

import importlib
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

NOT_INSTALLED = define_error(
    "node.library_missing",
    3908,
    en="This node needs the library “{library}”, which is not installed.",
    zh="该节点需要未安装的程序库“{library}”。",
    hint_en="Install it with: pip install 'sage-studio[{extra}]'",
    hint_zh="请执行：pip install 'sage-studio[{extra}]'",
    status=503,
)


def library(name: str, extra: str) -> Any:
    """The module ``name``. Raises NodeError ``node.library_missing`` with the extra that brings it."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NodeError(NOT_INSTALLED, {"library": name.partition(".")[0], "extra": extra}) from error
