"""A small classifier as an ONNX model, as a user would have one."""

import numpy as np
import pytest

IMAGE = (2, 4, 4)


def save_classifier(path):
    """Write a classifier of 2 x 4 x 4 pixels; skip where ``onnx`` is not installed."""
    onnx = pytest.importorskip("onnx")
    random = np.random.default_rng(0)
    arrays = {
        "w": random.standard_normal((4, 2, 3, 3)),
        "v": random.standard_normal((64, 3)),
    }
    make, float32 = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [
        make.make_node("Conv", ["x", "w"], ["h"], name="first", pads=[1] * 4),
        make.make_node("Relu", ["h"], ["r"]),
        make.make_node("Flatten", ["r"], ["f"]),
        make.make_node("MatMul", ["f", "v"], ["z"], name="last"),
        make.make_node("Softmax", ["z"], ["y"]),
    ]
    graph = make.make_graph(
        nodes,
        "classifier",
        [make.make_tensor_value_info("x", float32, ["n", *IMAGE])],
        [make.make_tensor_value_info("y", float32, ["n", 3])],
        [
            onnx.numpy_helper.from_array(array.astype(np.float32), name)
            for name, array in arrays.items()
        ],
    )
    opset = [make.make_opsetid("", 17)]
    onnx.save(make.make_model(graph, opset_imports=opset, ir_version=9), path)
