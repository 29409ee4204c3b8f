"""Networks from ONNX models.

Whatever cannot be compiled is one line with the node and the reason. Shapes are those that the
``onnx`` library infers.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from os import PathLike, fspath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .layers import Add, AveragePool, Conv2d, Dense, Flatten, GlobalAveragePool, Relu
from .network import Network, Parameters
from .sizes import one_size, size_text

__all__ = ["Model", "read_onnx"]

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    """A network with its parameters.

    Attributes:
        network: its layers.
        parameters: weights and biases.
        host: operators at the end that are left to the host.
    """

    network: Network
    parameters: Parameters
    host: tuple[str, ...]


def read_onnx(path: str | PathLike[str]) -> Model:
    """Read a model.

    Args:
        path: an ``.onnx`` file.

    Raises:
        ValueError: it is no model, or one that cannot be compiled.
        ModuleNotFoundError: ``onnx`` is not installed.
    """
    import onnx

    try:
        model = onnx.load(fspath(path))
        onnx.checker.check_model(model)
        inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
    except OSError:
        raise
    except Exception as problem:  # whatever protobuf and the checker say
        why = f"{problem}".strip().partition("\n")[0] or type(problem).__name__
        raise ValueError(f"{fspath(path)} is no ONNX model: {why}") from None
    return _Reader(inferred.graph, onnx).read()


class _Reader:
    """A graph, node by node.

    ``_constants`` has the arrays by name, ``_names`` what the network calls each value.
    """

    def __init__(self, graph: Any, onnx: Any):
        self._graph, self._onnx = graph, onnx
        to_array = onnx.numpy_helper.to_array
        self._constants: dict[str, NDArray[Any]] = {
            each.name: to_array(each) for each in graph.initializer
        }
        self._takers = Counter(name for node in graph.node for name in node.input)
        self._takers.update(each.name for each in graph.output)
        self.parameters: Parameters = {}
        self.host: list[str] = []
        self._names: dict[str, str] = {}

    def read(self) -> Model:
        """Make the network."""
        inputs = [each for each in self._graph.input if each.name not in self._constants]
        if len(inputs) != 1 or len(self._graph.output) != 1:
            raise ValueError(
                f"a model has one input and one output, not {len(inputs)} and "
                f"{len(self._graph.output)}"
            )
        shape = self._shape(inputs[0])
        if len(shape) not in (2, 4) or not all(shape[1:]):
            raise ValueError(
                f"{inputs[0].name}: an input is images (n, channels, height, width) or features "
                f"(n, features) of known size, not {size_text(shape) or 'of any'}"
            )
        self._check_type(inputs[0])
        self._batch = shape[0]
        self.network = Network(tuple(shape[1:]), inputs[0].name)
        self._names[inputs[0].name] = inputs[0].name
        for node in self._graph.node:
            self._node(node)
        last = self._graph.output[0].name
        if self._names.get(last) != (self.network.output if self.network.nodes else None):
            raise ValueError(f"{last}: the output must be what the last node makes")
        self._check_shapes()
        return Model(self.network, self.parameters, tuple(self.host))

    def _node(self, node: Any) -> None:
        if node.op_type == "Constant":
            value = [each.t for each in node.attribute if each.name == "value"]
            if not value:
                raise ValueError(f"{_name(node)}: a constant is a tensor here")
            self._constants[node.output[0]] = self._onnx.numpy_helper.to_array(value[0])
            return
        reader = _OPERATORS.get(node.op_type)
        if node.domain not in ("", "ai.onnx"):
            raise ValueError(f"{_name(node)}: the domain must be ai.onnx, not {node.domain}")
        if reader is None:
            raise ValueError(
                f"{_name(node)}: there is no {node.op_type}, only {', '.join(_OPERATORS)}"
            )
        if self.host:
            raise ValueError(f"{_name(node)} comes behind {self.host[0]}, which is the host's")
        attributes = {
            each.name: self._onnx.helper.get_attribute_value(each) for each in node.attribute
        }
        try:
            self._names[node.output[0]] = reader(self, node, attributes)
        except ValueError as problem:
            raise ValueError(f"{_name(node)}: {problem}") from None

    def _fed(self, node: Any) -> list[str]:
        """What feeds a node, but for constants."""
        names = [name for name in node.input if name and name not in self._constants]
        if not names:
            raise ValueError("all that feeds it is constant: fold it")
        for name in names:
            if name not in self._names:
                raise ValueError(f"{name} is nothing that was computed")
        return [self._names[name] for name in names]

    def _constant(self, node: Any, place: int, what: str) -> Floats:
        """An input that must be a constant."""
        name = node.input[place]
        if name not in self._constants:
            raise ValueError(f"{what} must be constant")
        values = self._constants[name].astype(np.float32)
        if not np.isfinite(values).all():
            raise ValueError(f"{what} must be finite in FP32")
        return values

    def _add(self, node: Any, layer: Any, inputs: list[str], **parameters: Floats | None) -> str:
        name = node.output[0]
        self.network.add(layer, *inputs, name=name)
        for kind, values in parameters.items():
            if values is not None:
                self.parameters[f"{name}.{kind}"] = np.ascontiguousarray(values, np.float32)
        return name

    def gemm(self, node: Any, attributes: Mapping[str, Any]) -> str:
        """Gemm: alpha A B + beta C."""
        if attributes.get("transA", 0):
            raise ValueError("transA must be 0")
        weight = self._constant(node, 1, "B") * np.float32(attributes.get("alpha", 1.0))
        weight = weight.T if attributes.get("transB", 0) else weight
        bias = None
        if len(node.input) > 2 and node.input[2]:
            given = self._constant(node, 2, "C") * np.float32(attributes.get("beta", 1.0))
            bias = _row(given, weight.shape[1])
        return self._dense(node, weight, bias)

    def matmul(self, node: Any, attributes: Mapping[str, Any]) -> str:
        """MatMul with a constant right operand."""
        return self._dense(node, self._constant(node, 1, "the right operand"), None)

    def _dense(self, node: Any, weight: Floats, bias: Floats | None) -> str:
        if weight.ndim != 2:
            raise ValueError(f"weights must be a matrix, not {size_text(weight.shape)}")
        layer = Dense(weight.shape[1], bias is not None)
        return self._add(node, layer, self._fed(node), weight=weight, bias=bias)

    def conv(self, node: Any, attributes: Mapping[str, Any]) -> str:
        """Conv in two dimensions."""
        weight = self._constant(node, 1, "weights")
        if weight.ndim != 4:
            raise ValueError(f"weights must have four axes, not {size_text(weight.shape)}")
        if attributes.get("group", 1) != 1:
            raise ValueError(f"group must be 1, not {attributes['group']}")
        if any(each != 1 for each in attributes.get("dilations", [1])):
            raise ValueError(f"dilations must be 1, not {size_text(attributes['dilations'])}")
        kernel = one_size("kernel", weight.shape[2:])
        stride = one_size("stride", attributes.get("strides", [1]))
        inputs = self._fed(node)
        padding = self._padding(attributes, kernel, stride, self.network.shapes[inputs[0]])
        bias = self._constant(node, 2, "bias") if len(node.input) > 2 and node.input[2] else None
        layer = Conv2d(weight.shape[0], kernel, stride, padding, bias is not None)
        return self._add(node, layer, inputs, weight=weight, bias=bias)

    def _padding(
        self, attributes: Mapping[str, Any], kernel: int, stride: int, shape: tuple[int, ...]
    ) -> int:
        auto = attributes.get("auto_pad", b"NOTSET").decode()
        if auto == "VALID":
            return 0
        if auto == "NOTSET":
            return one_size("padding", attributes.get("pads", [0]))
        both = [max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in shape[1:]]
        if len({*both}) > 1 or both[0] % 2:
            raise ValueError(
                f"{auto} pads {size_text(both)} pixels, which must be the same all around"
            )
        return both[0] // 2

    def relu(self, node: Any, attributes: Mapping[str, Any]) -> str:
        """Relu."""
        return self._add(node, Relu(), self._fed(node))

    def flatten(self, node: Any, attributes: Mapping[str, Any]) -> str:
        """Flatten all but the images."""
        if attributes.get("axis", 1) != 1:
            raise ValueError(f"axis must be 1, not {attributes['axis']}")
        return self._add(node, Flatten(), self._fed(node))

    def reshape(self, node: Any, attributes: Mapping[str, Any]) -> str:
        """Reshape that flattens, or changes nothing."""
        if node.input[1] not in self._constants:
            raise ValueError("the shape must be constant")
        (source,) = self._fed(node)
        found = [int(each) for each in self._constants[node.input[1]]]
        had = self.network.shapes[source]
        images = (self._batch or -1, -1, -1 if attributes.get("allowzero", 0) else 0)
        if len(found) != 2 or found[0] not in images or found[1] not in (-1, int(np.prod(had))):
            raise ValueError(
                f"images of {size_text(had)} can be flattened only, not be {size_text(found)}"
            )
        return self._add(node, Flatten(), [source])

    def average_pool(self, node: Any, attributes: Mapping[str, Any]) -> str:
        """AveragePool of windows beside one another."""
        size = one_size("kernel", attributes["kernel_shape"])
        stride = one_size("stride", attributes.get("strides", [1]))
        if stride != size:
            raise ValueError(f"stride must be that of the kernel, {size}, not {stride}")
        if any(attributes.get("pads", [])) or attributes.get("auto_pad", b"NOTSET") != b"NOTSET":
            raise ValueError("there must be no padding")
        if any(each != 1 for each in attributes.get("dilations", [1])):
            raise ValueError(f"dilations must be 1, not {size_text(attributes['dilations'])}")
        return self._add(node, AveragePool(size), self._fed(node))

    def global_pool(self, node: Any, attributes: Mapping[str, Any]) -> str:
        """GlobalAveragePool."""
        return self._add(node, GlobalAveragePool(), self._fed(node))

    def add(self, node: Any, attributes: Mapping[str, Any]) -> str:
        """Add: of two that were computed, or a bias."""
        inputs = self._fed(node)
        if len(inputs) == 2:
            return self._add(node, Add(), inputs)
        place = 0 if node.input[0] in self._constants else 1
        before, name = self.network.nodes.get(inputs[0]), node.input[1 - place]
        layer = None if before is None else before.layer
        if before is None or not isinstance(layer, Dense | Conv2d) or layer.bias:
            raise ValueError("a constant is added to a product without a bias only")
        if self._takers[name] > 1:
            raise ValueError(f"{name} is taken elsewhere, without the constant")
        given, axes = self._constant(node, place, "bias"), len(before.shape)
        if axes == 3 and given.ndim and given.shape[-2:] != (1, 1):
            raise ValueError(f"a bias is one number a channel, not {size_text(given.shape)}")
        bias = _row(given.reshape(-1) if axes == 3 else given, layer.outputs)
        del self.network.nodes[before.name], self.network.shapes[before.name]
        weight = self.parameters.pop(f"{before.name}.weight")
        with_bias = replace(layer, bias=True)
        return self._add(node, with_bias, list(before.inputs), weight=weight, bias=bias)

    def softmax(self, node: Any, attributes: Mapping[str, Any]) -> str:
        """Softmax at the end: the host's."""
        if [node.output[0]] != [each.name for each in self._graph.output]:
            raise ValueError("Softmax is the host's, and must be the last node")
        self.host.append(node.op_type)
        return self._fed(node)[0]

    def _check_type(self, value: Any) -> None:
        types, found = self._onnx.TensorProto, value.type.tensor_type.elem_type
        if found not in (types.FLOAT, types.FLOAT16, types.BFLOAT16, types.DOUBLE):
            kind = types.DataType.Name(found)
            raise ValueError(f"{value.name}: an input holds floats, not {kind}")

    def _shape(self, value: Any) -> list[int]:
        return [each.dim_value for each in value.type.tensor_type.shape.dim]

    def _check_shapes(self) -> None:
        """Hold the shapes of layers against those that onnx infers."""
        for value in (*self._graph.value_info, *self._graph.output):
            name, shape = self._names.get(value.name), tuple(self._shape(value)[1:])
            if name is None or not all(shape) or not shape:
                continue
            found = self.network.shapes.get(name)
            if found is not None and found != shape:
                raise ValueError(
                    f"{value.name}: onnx says {size_text(shape)}, this is {size_text(found)}"
                )


_OPERATORS: dict[str, Callable[[_Reader, Any, Mapping[str, Any]], str]] = {
    "Gemm": _Reader.gemm,
    "MatMul": _Reader.matmul,
    "Conv": _Reader.conv,
    "Relu": _Reader.relu,
    "Add": _Reader.add,
    "AveragePool": _Reader.average_pool,
    "GlobalAveragePool": _Reader.global_pool,
    "Flatten": _Reader.flatten,
    "Reshape": _Reader.reshape,
    "Softmax": _Reader.softmax,
}


def _name(node: Any) -> str:
    return f"{node.name or node.output[0]} ({node.op_type})"


def _row(values: Floats, outputs: int) -> Floats:
    """A bias of one number for each output, or one for all."""
    if values.size != 1 and (values.size, values.shape[-1]) != (outputs, outputs):
        raise ValueError(
            f"a bias has {outputs} numbers, one an output, not {size_text(values.shape)}"
        )
    return np.broadcast_to(values.reshape(-1), outputs)
