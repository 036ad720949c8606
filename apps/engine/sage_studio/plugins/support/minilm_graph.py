"""The ONNX graph of a BERT encoder, from its weights as ``safetensors``.

Six layers of 384 with 12 heads, as Hugging Face's ``BertModel`` computes them: embeddings, then per layer
attention and feed-forward, each with a residual and a layer norm behind it (Devlin et al., 2019).
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np

_HEADS = 12
_EPSILON = 1e-12
_OPSET = 17


class _Graph:
    """Collects nodes and weights; every method returns the name of what it computes."""

    def __init__(self, weights: dict[str, Any]) -> None:
        self._onnx: Any = importlib.import_module("onnx")
        self._weights = weights
        self.nodes: list[Any] = []
        self.tensors: dict[str, Any] = {}

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(self._onnx.helper.make_node(kind, [*inputs], [name], **attributes))
        return name

    def constant(self, value: Any) -> str:
        name = f"constant_{len(self.tensors)}"
        self.tensors[name] = self._onnx.numpy_helper.from_array(np.asarray(value), name)
        return name

    def weight(self, name: str, *, turned: bool = False) -> str:
        key = f"{name}'" if turned else name
        if key not in self.tensors:
            value = self._weights[name].T if turned else self._weights[name]
            self.tensors[key] = self._onnx.numpy_helper.from_array(
                np.ascontiguousarray(value, dtype=np.float32), key
            )
        return key

    def linear(self, name: str, value: str) -> str:
        product = self.op("MatMul", value, self.weight(f"{name}.weight", turned=True))
        return self.op("Add", product, self.weight(f"{name}.bias"))

    def norm(self, name: str, value: str) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.op("LayerNormalization", value, scale, bias, axis=-1, epsilon=_EPSILON)


def build(path: Path) -> bytes:
    """The model as bytes that onnxruntime loads."""
    weights: dict[str, Any] = importlib.import_module("safetensors.numpy").load_file(str(path))
    weights = {name.removeprefix("bert."): value for name, value in weights.items()}
    graph = _Graph(weights)
    hidden = _embeddings(graph)
    blocked = _blocked(graph)
    layers = sum(name.endswith(".output.dense.weight") and ".attention." not in name for name in weights)
    size = weights["embeddings.word_embeddings.weight"].shape[1]
    for number in range(layers):
        hidden = _layer(graph, f"encoder.layer.{number}", hidden, blocked, size // _HEADS)
    return _model(graph, hidden, size)


def _embeddings(graph: _Graph) -> str:
    words = graph.op("Gather", graph.weight("embeddings.word_embeddings.weight"), "input_ids")
    kinds = graph.op("Gather", graph.weight("embeddings.token_type_embeddings.weight"), "token_type_ids")
    length = graph.op("Gather", graph.op("Shape", "input_ids"), graph.constant(np.int64(1)))
    places = graph.op("Range", graph.constant(np.int64(0)), length, graph.constant(np.int64(1)))
    position = graph.op("Gather", graph.weight("embeddings.position_embeddings.weight"), places)
    return graph.norm("embeddings.LayerNorm", graph.op("Add", graph.op("Add", words, kinds), position))


def _blocked(graph: _Graph) -> str:
    """What is added to the scores: nothing for words, very little for padding."""
    mask = graph.op("Cast", "attention_mask", to=1)
    wide = graph.op("Unsqueeze", mask, graph.constant(np.array([1, 2], dtype=np.int64)))
    missing = graph.op("Sub", graph.constant(np.float32(1)), wide)
    return graph.op("Mul", missing, graph.constant(np.float32(-10_000)))


def _layer(graph: _Graph, name: str, hidden: str, blocked: str, width: int) -> str:
    split = graph.constant(np.array([0, 0, _HEADS, width], dtype=np.int64))

    def heads(part: str, order: list[int]) -> str:
        value = graph.linear(f"{name}.attention.self.{part}", hidden)
        return graph.op("Transpose", graph.op("Reshape", value, split), perm=order)

    query, keys, values = (
        heads("query", [0, 2, 1, 3]),
        heads("key", [0, 2, 3, 1]),
        heads("value", [0, 2, 1, 3]),
    )
    scores = graph.op("Div", graph.op("MatMul", query, keys), graph.constant(np.float32(math.sqrt(width))))
    shares = graph.op("Softmax", graph.op("Add", scores, blocked), axis=-1)
    seen = graph.op("Transpose", graph.op("MatMul", shares, values), perm=[0, 2, 1, 3])
    joined = graph.op("Reshape", seen, graph.constant(np.array([0, 0, _HEADS * width], dtype=np.int64)))
    attended = graph.linear(f"{name}.attention.output.dense", joined)
    between = graph.norm(f"{name}.attention.output.LayerNorm", graph.op("Add", attended, hidden))
    inner = _gelu(graph, graph.linear(f"{name}.intermediate.dense", between))
    outer = graph.linear(f"{name}.output.dense", inner)
    return graph.norm(f"{name}.output.LayerNorm", graph.op("Add", outer, between))


def _gelu(graph: _Graph, value: str) -> str:
    """Half of x times (1 + erf(x / √2))."""
    bent = graph.op("Erf", graph.op("Div", value, graph.constant(np.float32(math.sqrt(2)))))
    half = graph.op("Mul", value, graph.constant(np.float32(0.5)))
    return graph.op("Mul", half, graph.op("Add", bent, graph.constant(np.float32(1))))


def _model(graph: _Graph, hidden: str, size: int) -> bytes:
    onnx: Any = importlib.import_module("onnx")
    integers, floats = onnx.TensorProto.INT64, onnx.TensorProto.FLOAT
    names = ("input_ids", "attention_mask", "token_type_ids")
    inputs = [onnx.helper.make_tensor_value_info(name, integers, ["batch", "length"]) for name in names]
    output = onnx.helper.make_tensor_value_info(hidden, floats, ["batch", "length", size])
    made = onnx.helper.make_graph(graph.nodes, "bert", inputs, [output], [*graph.tensors.values()])
    model = onnx.helper.make_model(made, opset_imports=[onnx.helper.make_opsetid("", _OPSET)])
    model.ir_version = 9
    whole: bytes = model.SerializeToString()
    return whole
