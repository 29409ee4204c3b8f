"""What a product reads of the tile memories: a tile once for all its steps, but again in the next.

``pytest -s tests/hdl/engine/test_reads.py -k tile_once`` prints the figures of
docs/engine.md.
"""

from dataclasses import asdict

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.sim import Simulator
from designs import plant
from mxsf.golden.engine.machine import Command, Opcode
from mxsf.hdl import Matmul
from mxsf.hdl.engine import product as product_module
from mxsf.hdl.engine.sequencer import Sequencer


class _Taker(wiring.Component):
    """A PE that takes every step and gives nothing."""

    def __init__(self, pe):
        super().__init__(pe.signature)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.i.ready.eq(1)
        return m


def reads(pes, commands, steps):
    """Simulate products; return the tiles that each memory read, in order."""
    core = Matmul(pes=pes).core
    product = core.product
    product.array.build = lambda pe=product.array.pe: _Taker(pe)
    product.array.pe = product.array.build()
    seen = {side: [] for side in product.stores}

    async def testbench(context):
        taken, left = 0, list(commands)
        while taken < steps:
            context.set(core.command.valid, bool(left))
            if left:
                context.set(core.command.payload, asdict(left[0]))
                left = left[context.get(core.command.ready) :]
            for side, store in product.stores.items():
                if context.get(store.read):
                    seen[side].append(context.get(store.address))
            taken += context.get(core.events.steps)
            await context.tick()

    simulator = Simulator(core)
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
    return seen


def tile_products(command, group):
    """Tiles of A and of B in the order of docs/engine.md, a pair a tile product."""
    m, n, k = command.m, command.n, command.k
    tiles, first = [(i, j) for i in range(m) for j in range(n)], 0
    while first < len(tiles):
        left = len(tiles) - first
        size = 1 if group == 1 else group if left >= 2 * group else left
        for inner in range(k):
            for i, j in tiles[first : first + size]:
                yield (
                    command.a_base + (inner * m + i if command.a_transposed else i * k + inner),
                    command.b_base + (j * k + inner if command.b_transposed else inner * n + j),
                )
        first += size


def distinct(tiles):
    """Tiles that differ from the one before."""
    return [tile for at, tile in enumerate(tiles) if not at or tile != tiles[at - 1]]


COMMANDS = [
    Command(Opcode.MULTIPLY, 4, 4, 8),
    Command(Opcode.MULTIPLY, 5, 3, 2, 3, 1, a_transposed=True, b_transposed=True),
    Command(Opcode.MULTIPLY, 1, 9, 1),
]


@pytest.mark.parametrize("pes", [8, 64])
@pytest.mark.parametrize("command", COMMANDS, ids=str)
def test_a_product_reads_a_tile_once(pes, command):
    part = Matmul(pes=pes)
    steps = command.m * command.n * command.k * part.steps
    seen = reads(pes, [command], steps)
    products = list(tile_products(command, part.group))
    assert len(products) * part.steps == steps
    for side, tiles in zip("ab", zip(*products, strict=True), strict=True):
        assert seen[side] == distinct(tiles)
    bits, macs = part.element.bits * part.tile**2, steps * pes * part.tile
    before, after = (count * bits / macs for count in (2 * steps, sum(map(len, seen.values()))))
    sizes = f"{command.m} x {command.n} x {command.k}"
    print(f"pes {pes}, {sizes} tiles: {after:.2f} bits a MAC, {before:.2f} if every step read both")


def test_the_first_step_of_a_product_reads():
    """Loads may have overwritten the tile that was read last."""
    command = Command(Opcode.MULTIPLY, a_base=3, b_base=5)
    assert reads(8, [command, command], 16) == {"a": [3, 3], "b": [5, 5]}


@pytest.mark.parametrize("new", [lambda out: 1, lambda out: out.first & (out.step == 0)])
def test_the_count_catches_a_read_too_many_or_too_few(monkeypatch, new):
    def change(part):
        return part.o.payload.b_new.eq(new(part.o.payload))

    plant(monkeypatch, Sequencer, product_module, change)
    with pytest.raises(AssertionError):
        test_a_product_reads_a_tile_once(8, COMMANDS[1])
