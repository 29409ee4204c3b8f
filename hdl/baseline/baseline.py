"""Baselines: dot products of BF16 words with an FP32 accumulator, in the ways that others add.

Golden answer: ``mxsf.golden.baseline.dot_bf16``. Source: docs/numerics.md section 8.
"""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.baseline import WINDOW, Method, check_method
from ..checks import check_block, check_fabric, check_kind
from ..layouts import Fabric
from ..stream.points import Points, Stages
from ..stream.register import link
from .bf16_product import acc_layout, blocks_layout
from .fp32_tree import POINTS as TREE_POINTS
from .fp32_tree import Fp32Tree
from .window_sum import POINTS as WINDOW_POINTS
from .window_sum import WindowSum

__all__ = ["POINTS", "Baseline"]

POINTS: dict[Method, Points] = {"tree": TREE_POINTS, "window": WINDOW_POINTS}
"""Where pipeline registers may stand, by method."""


class Baseline(wiring.Component):
    """A stream of pairs of BF16 blocks and FP32 accs to a stream of FP32 dot products.

    One block a cycle; latency is the number of pipeline registers. ``tree`` adds exact products in
    a binary tree of FP32 additions, acc last. ``window`` aligns products and acc to the largest
    exponent among them, drops what lies below a window of bits, sums exactly and truncates.

    Args:
        block: products in a sum, at least 1.
        method: ``"tree"`` or ``"window"``.
        window: bits of the window, 8 to 32; ``"tree"`` has none.
        stages: pipeline registers, a number or names of their points. ``tree``: 0 to 3, after
            ``product``, after levels k, 2k, ... of the tree (``sum/k``) and its last one
            (``sum``), after acc is added and packed (``round``). ``window``: 0 to 7, after
            ``product``, after the ``largest`` exponent is found, ``align``, ``sum/k``, ``sum``,
            after acc is added (``add``), ``normalise``, ``round``.
        fabric: ``"asic"`` for small standard-cell area, ``"fpga"`` for few LUTs, ``"dsp"`` for few
            LUTs beside one hard multiplier a product; the same cycles and bits.

    Members:
        i: In, stream of ``a.words``, ``b.words`` (arrays of block BF16 words), ``acc`` (FP32).
        o: Out, stream of ``acc``, an FP32 word.

    Raises:
        TypeError: a parameter is of the wrong kind.
        ValueError: a parameter is out of range.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(
        self,
        block: int = 32,
        *,
        method: Method = "tree",
        window: int = WINDOW,
        stages: Stages | None = None,
        fabric: Fabric = "asic",
    ):
        check_block(block, None)
        check_kind("window", window, int)
        check_method(method, window)
        self.block, self.window = block, window
        self.method: Method = method
        self.fabric: Fabric = check_fabric(fabric)
        self.stages = POINTS[method].chosen(stages)
        if method == "tree":
            self._sum: Any = Fp32Tree(block, stages, fabric)
        else:
            self._sum = WindowSum(block, window, stages, fabric)
        self.points: tuple[str, ...] = self._sum.points
        super().__init__(
            {
                "i": In(stream.Signature(blocks_layout(block))),
                "o": Out(stream.Signature(acc_layout())),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from the transfer of a block to valid of its result."""
        return len(self.points)

    def elaborate(self, platform: Any) -> Module:
        """One of the two, and nothing else."""
        m = Module()
        m.submodules[self.method] = self._sum
        link(m, self.i, self._sum.i)
        link(m, self._sum.o, self.o)
        return m
