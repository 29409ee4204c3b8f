"""ONNX models: what is read computes what onnxruntime does, what cannot be is one line."""

import re

import numpy as np
import pytest
from mxsf.flow.catalogue.catalogue import tensors
from mxsf.flow.network.inference import compile_network
from mxsf.flow.network.layers import Conv2d, Dense
from mxsf.flow.network.onnx_model import read_onnx
from mxsf.golden import ElementFormat
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.machine import Machine
from plain_network import Plain

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402

FINE = Configuration(ElementFormat("e5m10", 5, 10), tile=4, pes=16, depth=256)
"""Elements of 16 bits, so that what differs from FP32 is little."""


def random(*shape, seed=0):
    values = np.random.default_rng(seed).standard_normal(shape)
    return (values / max(1, np.prod(shape[1:])) ** 0.5).astype(np.float32)


class Graph:
    """Nodes and constants of a model."""

    def __init__(self, shape, batch="n"):
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *shape])
        self.nodes, self.constants, self.last = [], [], "x"
        self.output_type = TensorProto.FLOAT

    def constant(self, values, name=None):
        name = name or f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def add(self, kind, *inputs, name=None, **attributes):
        """A node behind the last one, or behind others; arrays become constants."""
        names = [i if isinstance(i, str) else self.constant(i) for i in inputs]
        if not any(isinstance(i, str) for i in inputs):
            names = [self.last, *names]
        self.last = name or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(kind, names, [self.last], name=f"/{self.last}", **attributes)
        )
        return self.last

    def save(self, path, rank=2):
        shape = [None] * rank
        output = helper.make_tensor_value_info(self.last, self.output_type, shape)
        graph = helper.make_graph(self.nodes, "graph", [self.input], [output], self.constants)
        opset = [helper.make_opsetid("", 17), helper.make_opsetid("com.mine", 1)]
        onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=9), path)
        return path


def residual_cnn():
    """All that is supported, as exporters write it."""
    graph = Graph((3, 8, 8))
    graph.add("Conv", random(8, 3, 3, 3), random(8), pads=[1] * 4, kernel_shape=[3, 3])
    first = graph.add("Relu")
    graph.add("Conv", random(8, 8, 3, 3, seed=1), auto_pad="SAME_UPPER")
    graph.add("Add", random(8, 1, 1, seed=2), name="biased")
    graph.add("Add", "biased", first)
    graph.add("Relu")
    graph.add("AveragePool", kernel_shape=[2, 2], strides=[2, 2])
    graph.add("Conv", random(6, 8, 5, 5, seed=3), pads=[2] * 4, strides=[2, 2])
    graph.add("Flatten")
    graph.add("Gemm", random(12, 24, seed=4), random(12, seed=5), transB=1)
    graph.add("Relu")
    graph.add("MatMul", random(12, 7, seed=6))
    graph.add("Add", random(7, seed=7))
    graph.add("Softmax")
    return graph


def flat():
    """Reshape with a constant node, a global pool, factors of Gemm."""
    graph = Graph((4, 4, 2))
    graph.add("Conv", random(5, 4, 1, 1))
    graph.add("GlobalAveragePool")
    shape = numpy_helper.from_array(np.int64([0, -1]))
    graph.nodes.append(helper.make_node("Constant", [], ["shape"], value=shape))
    graph.add("Reshape", graph.last, "shape")
    graph.add("Gemm", random(5, 6), random(1, 6), alpha=0.5, beta=2.0)
    return graph


def run(model, x, built):
    made = compile_network(model.network, model.parameters, len(x), built)
    machine = Machine(built, made.program.image())
    made.write(machine.memory, x)
    outcome = machine.run(made.program.start)
    assert (outcome.fault, outcome.breaches) == (0, [])
    return made.read(machine.memory)


@pytest.mark.parametrize("make", [residual_cnn, flat])
def test_a_model_computes_what_onnxruntime_does(make, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    graph = make()
    path = graph.save(tmp_path / "model.onnx")
    x = random(4, *[d.dim_value for d in graph.input.type.tensor_type.shape.dim][1:], seed=9)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": x})
    model = read_onnx(path)
    found = run(model, x, FINE)
    assert found.tobytes() == Plain(model.network, FINE).run(x, model.parameters).tobytes()
    if model.host:
        assert model.host == ("Softmax",)
        found = np.exp(found) / np.exp(found).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


def test_the_shipped_network_classifies_as_onnxruntime_does(tmp_path):
    """64 digits: FP32 knows 59, halfway through its training, MXSF 60."""
    onnxruntime = pytest.importorskip("onnxruntime")
    shipped = tensors()
    graph = Graph((64,))
    graph.add("MatMul", shipped["w1"])
    graph.add("Relu")
    graph.add("MatMul", shipped["w2"])
    path = graph.save(tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"x": shipped["x"]})
    found = run(read_onnx(path), shipped["x"], Configuration())
    labels = shipped["dz2"].argmin(axis=1)
    assert (expected.argmax(axis=1) == labels).sum() == 59
    assert (found.argmax(axis=1) == labels).sum() == 60
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).sum() == 63
    assert np.abs(found - expected).max() < 0.02 * np.abs(expected).max()


def test_constants_that_are_added_are_biases(tmp_path):
    model = read_onnx(residual_cnn().save(tmp_path / "model.onnx"))
    layers = [node.layer for node in model.network.nodes.values()]
    assert [each.bias for each in layers if isinstance(each, Dense | Conv2d)] == [
        *(True, True, False, True, True),
    ]


REFUSED = {
    "Sigmoid": (
        lambda g: g.add("Sigmoid"),
        "/sigmoid0 (Sigmoid): there is no Sigmoid, only Gemm, MatMul, Conv, Relu, Add, "
        "AveragePool, GlobalAveragePool, Flatten, Reshape, Softmax",
    ),
    "groups": (
        lambda g: g.add("Conv", random(4, 2, 3, 3), group=2),
        "/conv0 (Conv): group must be 1, not 2",
    ),
    "dilations": (
        lambda g: g.add("Conv", random(4, 4, 3, 3), dilations=[2, 2]),
        "/conv0 (Conv): dilations must be 1, not 2 x 2",
    ),
    "kernel": (
        lambda g: g.add("Conv", random(4, 4, 2, 2)),
        "/conv0 (Conv): kernel must be 1, 3, 5 or 7, not 2",
    ),
    "kernels": (
        lambda g: g.add("Conv", random(4, 4, 1, 3)),
        "/conv0 (Conv): kernel must be the same in all directions, not 1 x 3",
    ),
    "pads": (
        lambda g: g.add("Conv", random(4, 4, 3, 3), pads=[0, 0, 1, 1]),
        "/conv0 (Conv): padding must be the same in all directions, not ? x ? x 1 x 1",
    ),
    "same": (
        lambda g: g.add("Conv", random(4, 4, 3, 3), auto_pad="SAME_UPPER", strides=[2, 2]),
        "/conv0 (Conv): SAME_UPPER pads 1 x 1 pixels, which must be the same all around",
    ),
    "stride": (
        lambda g: g.add("Conv", random(4, 4, 3, 3), strides=[3, 3]),
        "/conv0 (Conv): stride must be 1 or 2, not 3",
    ),
    "pool": (
        lambda g: g.add("AveragePool", kernel_shape=[3, 3], strides=[3, 3]),
        "/averagepool0 (AveragePool): size must be a power of two, not 3",
    ),
    "pool's stride": (
        lambda g: g.add("AveragePool", kernel_shape=[2, 2]),
        "/averagepool0 (AveragePool): stride must be that of the kernel, 2, not 1",
    ),
    "pool that rounds up": (
        lambda g: (
            g.add("AveragePool", kernel_shape=[4, 4], strides=[4, 4], ceil_mode=1),
            g.add("Relu"),
        ),
        "averagepool0: onnx says 4 x 2 x 2, this is 4 x 1 x 1",
    ),
    "constant": (
        lambda g: g.add("Add", random(4, 6, 6)),
        "/add0 (Add): a constant is added to a product without a bias only",
    ),
    "transA": (
        lambda g: (g.add("Flatten"), g.add("Gemm", random(3, 2), transA=1)),
        None,
    ),
    "axis": (
        lambda g: g.add("Flatten", axis=2),
        "/flatten0 (Flatten): axis must be 1, not 2",
    ),
    "reshape": (
        lambda g: g.add("Reshape", np.int64([0, 12, 12])),
        "/reshape0 (Reshape): images of 4 x 6 x 6 can be flattened only, not be ? x 12 x 12",
    ),
    "reshape that mixes images": (
        lambda g: g.add("Reshape", np.int64([6, -1]), name="mixed"),
        "/mixed (Reshape): images of 4 x 6 x 6 can be flattened only, not be 6 x -1",
    ),
    "constant images": (
        lambda g: g.add("Conv", g.constant(random(2, 4, 6, 6)), g.constant(random(4, 4, 3, 3))),
        "/conv0 (Conv): all that feeds it is constant: fold it",
    ),
    "constants": (
        lambda g: g.add("Add", g.constant(random(2, 4)), g.constant(random(2, 4)), name="add2"),
        "/add2 (Add): all that feeds it is constant: fold it",
    ),
    "not finite": (
        lambda g: g.add("Conv", np.full((4, 4, 1, 1), np.inf, np.float32)),
        "/conv0 (Conv): weights must be finite in FP32",
    ),
    "bias an image": (
        lambda g: (g.add("Flatten"), g.add("MatMul", random(144, 2)), g.add("Add", random(2, 1))),
        "/add2 (Add): a bias has 2 numbers, one an output, not 2 x 1",
    ),
    "domain": (
        lambda g: g.add("Relu", domain="com.mine"),
        "/relu0 (Relu): the domain must be ai.onnx, not com.mine",
    ),
    "softmax": (
        lambda g: (g.add("Softmax"), g.add("Relu")),
        "/softmax0 (Softmax): Softmax is the host's, and must be the last node",
    ),
    "nothing": (
        lambda g: g.add("Softmax"),
        "softmax0: the output must be what the last node makes",
    ),
    "weights": (
        lambda g: g.add("Conv", "x", g.add("Relu", "x")),
        None,
    ),
}


@pytest.mark.parametrize(("build", "message"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compiled_is_one_line(build, message, tmp_path):
    graph = Graph((4, 6, 6), 2)
    build(graph)
    rank = 2 if graph.last.startswith(("flatten", "gemm", "add2", "mixed")) else 4
    rank = 3 if graph.last.startswith("reshape") else rank
    pattern = r"^[^\n]+$" if message is None else f"^{re.escape(message)}$"
    with pytest.raises(ValueError, match=pattern):
        read_onnx(graph.save(tmp_path / "model.onnx", rank))


def test_inputs(tmp_path):
    graph = Graph((4, None, 6))
    graph.add("Relu")
    with pytest.raises(ValueError, match=r"^x: an input is images .* not \? x 4 x \? x 6$"):
        read_onnx(graph.save(tmp_path / "model.onnx", 4))
    graph = Graph((4, 6, 6))
    graph.add("Relu")
    graph.input.type.tensor_type.elem_type = TensorProto.INT32
    graph.output_type = TensorProto.INT32
    with pytest.raises(ValueError, match=r"^x: an input holds floats, not INT32$"):
        read_onnx(graph.save(tmp_path / "model.onnx", 4))
    (tmp_path / "bad.onnx").write_bytes(b"no model at all")
    with pytest.raises(ValueError, match=r"bad.onnx is no ONNX model: "):
        read_onnx(tmp_path / "bad.onnx")
