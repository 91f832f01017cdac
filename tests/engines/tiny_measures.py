"""Tiny models with random or made-up weights, of the shapes that engines want: for their tests and for the contract."""

import json
from pathlib import Path
from typing import Any

import pytest

from datagen.engines.mos.dnsmos import WINDOW_SAMPLES

SIZES: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "tdnn_dim": [16, 16, 16, 16, 32],
    "xvector_output_dim": 12,
}


def write_xvectors(folder: Path, normalises: bool = True, seed: int = 1, **values: Any) -> Path:
    import torch
    from transformers import WavLMConfig, WavLMForXVector

    torch.manual_seed(seed)
    config = WavLMConfig(**{**SIZES, **values})
    model = WavLMForXVector(config)
    for weight in model.parameters():  # as made, they are so small that every clip has nearly the same vector
        torch.nn.init.normal_(weight, 0, 0.3)
    model.save_pretrained(folder)
    preprocessor = {"do_normalize": normalises, "sampling_rate": 16_000}
    (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return folder


RAW = (1.5, 2.0, 2.5)
"""What the tiny model gives for silence; a tenth of it more for each tenth of mean magnitude."""


def write_dnsmos(path: Path, raw: tuple[float, ...] = RAW, n_samples: int = WINDOW_SAMPLES) -> Path:
    onnx = pytest.importorskip("onnx", reason="onnx is not installed, and no model can be made: pip install onnx")
    pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install onnxruntime")
    helper, kind = onnx.helper, onnx.TensorProto.FLOAT
    constants = [helper.make_tensor("raw", kind, [1, len(raw)], raw)]
    nodes = [
        helper.make_node("Abs", ["input_1"], ["loud"]),
        helper.make_node("ReduceMean", ["loud"], ["mean"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["mean", "raw"], ["more"]),
        helper.make_node("Add", ["more", "raw"], ["Identity:0"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("input_1", kind, ["n", n_samples])],
        [helper.make_tensor_value_info("Identity:0", kind, ["n", len(raw)])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(path))
    return path
