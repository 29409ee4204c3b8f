"""Gate-level simulation: transitions by hand, and against a simulation net by net."""

import numpy as np
import pytest
from mxsf.sim.simulator.gates import Gates

FUNCTIONS = {
    "$_NOT_": ("A", lambda a: 1 - a),
    "$_AND_": ("AB", lambda a, b: a & b),
    "$_OR_": ("AB", lambda a, b: a | b),
    "$_XOR_": ("AB", lambda a, b: a ^ b),
    "$_NAND_": ("AB", lambda a, b: 1 - (a & b)),
    "$_NOR_": ("AB", lambda a, b: 1 - (a | b)),
    "$_XNOR_": ("AB", lambda a, b: 1 - (a ^ b)),
    "$_ANDNOT_": ("AB", lambda a, b: a & (1 - b)),
    "$_ORNOT_": ("AB", lambda a, b: a | (1 - b)),
    "$_MUX_": ("ABS", lambda a, b, s: b if s else a),
}


def cell(kind, **ends):
    return {"type": kind, "connections": {pin: [wire] for pin, wire in ends.items()}}


def design(cells, inputs, outputs, clock=None):
    ports = {
        "i": {"direction": "input", "bits": inputs},
        "o": {"direction": "output", "bits": outputs},
    }
    if clock is not None:
        ports["clk"] = {"direction": "input", "bits": [clock]}
    return {"ports": ports, "cells": {str(n): c for n, c in enumerate(cells)}}


def count(gates, bits, warm=1):
    """Transitions by cell output, the same bits (cycles, inputs) in all 64 streams."""
    inputs = np.repeat(np.array(bits, np.uint8)[:, None], 64, axis=1)
    return gates.activity({}, "i", inputs, "o", warm)


def by_wire(gates, counts):
    """Counts by the wire numbers of these tests, where every cell drives Y."""
    return {w: int(counts[net]) // 64 for w, net in gates.nets.items() if isinstance(w, int)}


def test_a_glitch():
    """a & ~a is 0, but for as long as the inverter takes."""
    gates = Gates(design([cell("$_NOT_", A=2, Y=3), cell("$_AND_", A=2, B=3, Y=4)], [2], [4]), {})
    seen = count(gates, [[0], [0], [1], [0], [1]])
    assert by_wire(gates, seen.toggles) == {2: 3, 3: 3, 4: 4}
    assert by_wire(gates, seen.settled) == {2: 3, 3: 3, 4: 0}
    assert not seen.outputs.any()
    assert seen.cycles == 4 * 64
    assert gates.depth == 2


def test_a_counter():
    """A flip-flop behind its own inverter toggles each cycle, and its inverter with it."""
    cells = [cell("$_DFF_P_", C=2, D=4, Q=3), cell("$_NOT_", A=3, Y=4)]
    gates = Gates(design(cells, [5], [3], clock=2), {})
    seen = count(gates, [[0]] * 9)
    assert by_wire(gates, seen.toggles) == {2: 0, 3: 8, 4: 8, 5: 0}
    assert [*seen.outputs[:, 0, 0]] == [1, 0] * 4 or [*seen.outputs[:, 0, 0]] == [0, 1] * 4
    assert len(gates.clocked) == 1


ENABLED = {
    "ports": {
        "CK": {"direction": "input", "bits": [2]},
        "D": {"direction": "input", "bits": [3]},
        "E": {"direction": "input", "bits": [4]},
        "Q": {"direction": "output", "bits": [5]},
    },
    "cells": {
        "next": cell("$_MUX_", A=6, B=3, S=4, Y=7),
        "state": cell("$_DFF_P_", C=2, D=7, Q=6),
        "output": cell("$_DFF_P_", C=2, D=7, Q=5),
    },
}
"""A library's flip-flop with enable, as Yosys reads it: two wires for one state."""


def test_a_flip_flop_that_holds():
    gates = Gates(
        design([cell("DFFE", CK=2, D=3, E=4, Q=5)], [3, 4], [5], clock=2), {"DFFE": ENABLED}
    )
    seen = count(gates, [[0, 1], [1, 0], [1, 1], [0, 0], [0, 1], [0, 0]])
    assert [*seen.outputs[:, 0, 0]] == [0, 0, 1, 1, 0]
    assert by_wire(gates, seen.toggles)[5] == 2


@pytest.mark.parametrize("seed", range(6))
def test_against_one_net_at_a_time(seed):
    """Random netlists and inputs: each stream alone, each cell in plain Python."""
    random = np.random.default_rng(seed)
    inputs, total = list(range(2, 8)), 60
    cells, wires = [], list(inputs)
    for n in range(total):
        kind = random.choice(list(FUNCTIONS))
        pins = FUNCTIONS[kind][0]
        near = wires[-12:] if random.random() < 0.8 else [*wires, "0", "1"]
        ends = {p: near[random.integers(len(near))] for p in pins}
        cells.append(cell(kind, **ends, Y=100 + n))
        wires.append(100 + n)
    gates = Gates(design(cells, inputs, wires[-4:]), {})
    streams, cycles = 128, 5
    bits = random.integers(0, 2, (cycles, streams, len(inputs)), dtype=np.uint8)
    seen = gates.activity({}, "i", bits, "o", 1)

    toggles = dict.fromkeys(wires, 0)
    settled = dict.fromkeys(wires, 0)
    for stream in range(streams):
        now = {"0": 0, "1": 1, **dict.fromkeys(wires, 0)}
        for cycle in range(cycles):
            before = dict(now)
            changed = {w: int(b) for w, b in zip(inputs, bits[cycle, stream], strict=True)}
            for _ in range(200):
                for wire, value in changed.items():
                    toggles[wire] += (value != now[wire]) * (cycle > 0)
                now |= changed
                changed = {}
                for gate in cells:
                    pins, function = FUNCTIONS[gate["type"]]
                    made = function(*(now[gate["connections"][p][0]] for p in pins))
                    if made != now[gate["connections"]["Y"][0]]:
                        changed[gate["connections"]["Y"][0]] = made
                if not changed:
                    break
            if cycle:
                for wire in wires:
                    settled[wire] += now[wire] != before[wire]
                assert [now[w] for w in wires[-4:]] == [*seen.outputs[cycle - 1, stream]]
    assert {w: int(seen.toggles[gates.nets[w]]) for w in wires} == toggles
    assert {w: int(seen.settled[gates.nets[w]]) for w in wires} == settled
    assert sum(toggles.values()) > sum(settled.values())


@pytest.mark.parametrize(
    ("cells", "modules", "message"),
    [
        ([cell("AOI", A=2, Y=3)], {}, "cell AOI is no gate, and the library has no function"),
        ([cell("$_NOT_", A=3, Y=4), cell("$_NOT_", A=4, Y=3)], {}, "2 cells .* loops"),
        (
            [cell("$_DFF_P_", C=2, D=3, Q=4), cell("$_DFF_P_", C=3, D=2, Q=5)],
            {},
            "a netlist of 2 clocks",
        ),
        (
            [cell("LATCH", D=2, Q=3)],
            {
                "LATCH": {
                    "ports": {
                        "D": {"direction": "input", "bits": [2]},
                        "Q": {"direction": "output", "bits": [3]},
                    },
                    "cells": {"l": cell("$_DLATCH_P_", D=2, E=2, Q=3)},
                }
            },
            "what cell LATCH does is not simulated",
        ),
    ],
)
def test_what_cannot_be_simulated(cells, modules, message):
    with pytest.raises(ValueError, match=message):
        Gates(design(cells, [2], [3]), modules)


def test_streams_fill_words():
    gates = Gates(design([cell("$_NOT_", A=2, Y=3)], [2], [3]), {})
    with pytest.raises(ValueError, match="multiple of 64, not 65"):
        gates.activity({}, "i", np.zeros((1, 65, 1), np.uint8), "o", 0)
