"""The tile store: codes and scales are written apart, a tile that was read stays until the next."""

import numpy as np
import pytest
from mxsf.golden import E2M1
from mxsf.hdl.engine.tile_store import TileStore
from mxsf.sim.simulator.amaranth import AmaranthSimulator
from planted import Planted, on

TILE, DEPTH = 4, 4
ENABLES = ("codes__enable", "scales__enable", "read", "select")


def join(codes):
    """Codes of E2M1 as one number, the first one lowest."""
    return sum(int(code) << 4 * place for place, code in enumerate(np.ravel(codes)))


class Memory:
    """What a store holds, and what it shows."""

    def __init__(self, rows, vectors):
        self.rows, self.vectors = rows, vectors
        self.codes = np.zeros((DEPTH, TILE, TILE), np.uint8)
        self.scales = np.zeros(DEPTH, np.uint8)
        self.tile, self.scale, self.across, self.step = self.codes[0], 0, 0, 0

    def clock(self, ports, data):
        if ports["read"]:
            address = ports["address"]
            self.tile, self.scale = self.codes[address].copy(), int(self.scales[address])
        if ports["select"]:
            self.across, self.step = ports["across"], ports["step"]
        if ports["codes__enable"]:
            first = ports["codes__beat"] * self.rows
            self.codes[ports["codes__address"], first : first + self.rows] = data
        if ports["scales__enable"]:
            self.scales[ports["scales__address"]] = ports["scales__data"]

    @property
    def shown(self):
        whole = self.tile.T if self.across else self.tile
        return join(whole[self.step * self.vectors :][: self.vectors]), self.scale


def differs(rows, vectors, drive=None, cycles=300):
    """Write, read and choose at random; whether the store ever shows something else."""
    store = TileStore(E2M1, TILE, DEPTH, bits=rows * TILE * E2M1.bits, vectors=vectors)
    random, memory, wrong = np.random.default_rng(rows), Memory(rows, vectors), []
    bounds = {
        **dict.fromkeys(ENABLES, 2),
        **dict.fromkeys(("codes__address", "scales__address", "address"), DEPTH),
        **{"codes__beat": TILE // rows, "scales__data": 256, "across": 2, "step": TILE // vectors},
    }

    async def testbench(pins):
        for _ in range(cycles):
            ports = {name: int(random.integers(bound)) for name, bound in bounds.items()}
            data = random.integers(16, size=(rows, TILE))
            for name, value in {**ports, "codes__data": join(data)}.items():
                pins.set(name, value)
            await pins.tick()
            memory.clock(ports, data)
            wrong.append((pins.get("vectors_read"), pins.get("scale")) != memory.shown)

    Planted(AmaranthSimulator(store), drive=drive).run(testbench)
    return any(wrong)


@pytest.mark.parametrize(("rows", "vectors"), [(1, 1), (2, 1), (4, 4), (1, 2)])
def test_what_is_read_is_what_was_written(rows, vectors):
    assert not differs(rows, vectors)


def of(other):
    """What another port was driven with."""
    return lambda value, pins: pins.driven.get(other, value)


BUGS = {
    "a scale comes with codes": on("scales__enable", of("codes__enable")),
    "a scale goes where codes go": on("scales__address", of("codes__address")),
    "every cycle reads": on("read", lambda value, pins: 1),
    "a choice comes with reads only": on("select", of("read")),
}


@pytest.mark.parametrize("bug", BUGS)
def test_the_memory_catches(bug):
    assert differs(2, 1, BUGS[bug])
