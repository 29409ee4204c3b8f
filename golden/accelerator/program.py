"""Programs: descriptors written by what they do, together with the image that they run in.

Source: docs/accelerator.md.
"""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..quantize.tensor import BlockTensor
from .access import accesses
from .configuration import BASES, Configuration
from .descriptor import Descriptor, End, Fence, Load, Multiply, Place, encode
from .fault import Window, descriptor_fault
from .fields import SIZE, Init, Opcode
from .hazard import Hazards, own_breaches
from .operand import Operand, TileMemory
from .plane import Image, Matrix, Stored, Words
from .result import Result

__all__ = ["Program"]

_NOWHERE = [0] * BASES


class Program:
    """A program for an accelerator, and the matrices that it works on.

    Matrices stand in an image that begins at address 0, to which the base registers point; the
    program stands behind them. Loads and products are written in the order in which they run.
    A FENCE is put wherever the next descriptor would meet what one before it reads or writes, and
    a LOAD is free wherever it meets no tile of the product under way.

    Args:
        built: the accelerator.
        tensors: an image that other programs use too; None: a new one.

    Attributes:
        built, tensors: as given.
        descriptors: those written so far.

    >>> from .machine import Machine
    >>> program = Program(Configuration(tile=4, pes=4, depth=16))
    >>> x = program.put("x", np.eye(8, dtype=np.float32) * 3)
    >>> y = program.words("y", (8, 8))
    >>> program.multiply(program.load_a(x), program.load_b(x).T, words=y, shift=1)
    >>> program.end()
    >>> machine = Machine(program.built, program.image())
    >>> machine.run(program.start).fault.name
    'NONE'
    >>> program.get(y, machine.memory)[0].tolist()
    [18.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """

    def __init__(self, built: Configuration, tensors: Image | None = None):
        self.built = built
        self.tensors = Image(built) if tensors is None else tensors
        if self.tensors.built != built:
            raise ValueError("tensors must be an image of the same accelerator")
        self.descriptors: list[Descriptor] = []
        self._memories = {side: TileMemory(side, built.depth) for side in "ab"}
        self._hazards = Hazards()
        self._under_way: tuple[Operand, ...] = ()

    @property
    def start(self) -> int:
        """Address of the first descriptor in the image, whatever matrices it has by then."""
        return -(-self.tensors.size // SIZE) * SIZE

    def image(self) -> NDArray[np.uint8]:
        """Matrices and program: what is put where the base registers point to."""
        program = b"".join(encode(descriptor) for descriptor in self.descriptors)
        gap = np.zeros(self.start - self.tensors.size, np.uint8)
        return np.concatenate([self.tensors.memory, gap, np.frombuffer(program, np.uint8)])

    def matrix(self, name: str, shape: tuple[int, int], register: int = 0) -> Matrix:
        """Find places for a quantized matrix of zeros: see ``Image.matrix``."""
        return self.tensors.matrix(name, shape, register)

    def words(self, name: str, shape: tuple[int, int], register: int = 0) -> Words:
        """Find a place for a matrix of FP32 words, all zeros: see ``Image.words``."""
        return self.tensors.words(name, shape, register)

    def put(self, name: str, values: ArrayLike | BlockTensor, register: int = 0) -> Matrix:
        """Find places for a quantized matrix and write it: see ``Image.write``."""
        shape = values.shape if isinstance(values, BlockTensor) else np.shape(values)
        matrix = self.matrix(name, _two_axes(name, shape), register)
        self.tensors.write(matrix, values)
        return matrix

    def put_words(self, name: str, values: ArrayLike, register: int = 0) -> Words:
        """Find a place for a matrix of FP32 words and write it; one axis is a row."""
        array = np.atleast_2d(values)
        words = self.words(name, _two_axes(name, array.shape), register)
        self.tensors.write(words, array)
        return words

    def get(self, matrix: Stored, memory: NDArray[np.uint8] | None = None) -> Any:
        """Return a matrix of the image, or of what a run made of it: see ``Image.read``."""
        return self.tensors.read(matrix, memory)

    def load_a(self, matrix: Matrix, at: int | None = None, free: bool | None = None) -> Operand:
        """Load a matrix, or a part of one, into tile memory a.

        Args:
            matrix: which one.
            at: address of its first tile; None: behind what was loaded last.
            free: whether it does not wait for the product under way; None: where that is right.

        Returns:
            The operand, for products, as long as nothing is loaded over it.

        Raises:
            ValueError: it does not fit, or must not be free.
        """
        return self._load("a", matrix, at, free)

    def load_b(self, matrix: Matrix, at: int | None = None, free: bool | None = None) -> Operand:
        """Load a matrix, or a part of one, into tile memory b; as ``load_a``."""
        return self._load("b", matrix, at, free)

    def waits(self, matrix: Matrix) -> bool:
        """Whether a load of a matrix would have a FENCE before it."""
        load = self._load_of(Opcode.LOAD_A, matrix, 0)
        touched = [access.touched(_NOWHERE) for access in accesses(load, self.built)]
        return any(self._hazards.meets(0, each) for each in touched)

    def holds(self, operand: Operand) -> bool:
        """Whether an operand is still there: nothing was loaded over it."""
        return self._memories[operand.side].has(operand)

    def joined(self, *operands: Operand) -> Operand:
        """One operand of several that were loaded behind one another: their rows as stored.

        Raises:
            ValueError: one does not begin where the one before ends, or has other columns.
        """
        return self._memories[operands[0].side].joined(operands)

    def multiply(
        self,
        a: Operand,
        b: Operand,
        *,
        words: Words | None = None,
        tiles: Matrix | None = None,
        init: Words | None = None,
        bias: Words | None = None,
        mask: Matrix | None = None,
        shift: int = 0,
        negate: bool = False,
        relu: bool = False,
        stochastic: bool = False,
    ) -> None:
        """Write C = epilogue(start + A B) to memory.

        Args:
            a: left operand, straight or transposed.
            b: right operand.
            words: where C goes as words.
            tiles: where C goes as re-quantized tiles.
            init: words that C starts from; they may be those that it is written to.
            bias: the row of words that all rows of C start from: the first one of these.
            mask: C is 0 where this is.
            shift: C is multiplied by ``2**shift``,
            negate: and by -1;
            relu: then what is negative becomes 0.
            stochastic: whether tiles are rounded by random numbers.

        Raises:
            ValueError: something does not fit, or parts of C overlap.
        """
        result = Result(words, tiles, init, bias, mask, shift, negate, relu, stochastic)
        self.product(a, b, result)

    def product(self, a: Operand, b: Operand, result: Result) -> None:
        """The same, where all that concerns C is one value: see ``Result``."""
        for operand, side in ((a, "a"), (b, "b")):
            self._memories[side].check(operand)
        (m, k), (inner, n) = a.shape, b.shape
        if k != inner:
            raise ValueError(f"inner sizes differ: {a} times {b}")
        view = result.view(m, n)
        start, kind = (result.bias, Init.ROW) if result.init is None else (result.init, Init.WORDS)
        tiles = result.tiles
        product = Multiply(
            *(m, n, k, a.base % self.built.depth, b.base % self.built.depth, a.view, b.view),
            *(a.transposed, b.transposed, view),
            init=Init.ZERO if start is None else kind,
            init_at=Place() if start is None else start.words.place,
            shift=result.shift,
            negate=result.negate,
            relu=result.relu,
            mask=None if result.mask is None else result.mask.codes.place,
            words=None if result.words is None else result.words.words.place,
            codes=None if tiles is None else tiles.codes.place,
            scales=None if tiles is None else tiles.scales.place,
            stochastic=result.stochastic,
        )
        self._order(product)
        self._under_way = a, b
        self.descriptors.append(product)

    def fence(self) -> None:
        """Let nothing that follows begin before all that was read and written so far is done."""
        self._hazards.fence()
        self._under_way = ()
        self.descriptors.append(Fence())

    def end(self, irq: bool = True) -> None:
        """End the program; what is written behind it is another one, in the same memories.

        Args:
            irq: whether it raises the interrupt.
        """
        self._hazards.fence()
        self._under_way = ()
        self.descriptors.append(End(irq))

    def _load(self, side: str, matrix: Matrix, at: int | None, free: bool | None) -> Operand:
        opcode = Opcode.LOAD_A if side == "a" else Opcode.LOAD_B
        operand = self._memories[side].load(matrix.name, matrix.rows, matrix.columns, at)
        load = self._load_of(opcode, matrix, operand.base)
        self._order(load)
        met = [other for other in self._under_way if _meet(operand, other, self.built.depth)]
        if free and met:
            raise ValueError(f"{operand} must wait for the product under way, which reads {met[0]}")
        if free is None:
            free = bool(self._under_way) and not met
        if not free:
            self._under_way = ()
        self.descriptors.append(replace(load, free=free))
        return operand

    def _load_of(self, opcode: Opcode, matrix: Matrix, base: int) -> Load:
        places = matrix.codes.place, matrix.scales.place
        return Load(opcode, matrix.rows, matrix.columns, *places, matrix.view, base)

    def _order(self, descriptor: Load | Multiply) -> None:
        """Check a descriptor and put a FENCE before it where it needs one."""
        encode(descriptor)  # raises where a field does not fit
        window = Window(0, 1 << self.built.address)
        fault = descriptor_fault(descriptor, self.built, _NOWHERE, window)
        if fault:
            raise ValueError(f"{fault.name}: {descriptor}")
        touched = [access.touched(_NOWHERE) for access in accesses(descriptor, self.built)]
        for breach in own_breaches(0, touched):
            raise ValueError(f"{' and '.join(breach.planes)} of a product overlap: {breach.kind}")
        if any(self._hazards.meets(0, each) for each in touched):
            self.fence()
        self._hazards.keep(0, touched)


def _two_axes(name: str, shape: tuple[int, ...]) -> tuple[int, int]:
    if len(shape) != 2:
        raise ValueError(f"{name} must have two axes, its shape is {shape}")
    return shape[0], shape[1]


def _meet(one: Operand, other: Operand, depth: int) -> bool:
    """Whether two operands share tiles of one memory."""
    if one.side != other.side:
        return False
    return bool(np.isin(one.addresses(depth), other.addresses(depth)).any())
