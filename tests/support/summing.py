"""What the tests of the product sum share: designs, simulators, blocks to run."""

import numpy as np
from mxsf.flow.netlist.netlist import netlist
from mxsf.golden import parse
from mxsf.hdl.dot.product_sum import ProductSum
from mxsf.hdl.ports import port_signals
from mxsf.sim.bench.product_sum import product_sum_stimulus
from mxsf.sim.bench.stream import run_stream
from mxsf.sim.result import NO_STALLS, Stalls
from mxsf.sim.simulator.amaranth import AmaranthSimulator
from mxsf.sim.simulator.cxxrtl import CxxrtlSimulator
from mxsf.sim.simulator.waveform import Port
from mxsf.sim.stimulus.codes import adversarial_codes, random_codes

FABRICS = ["asic", "fpga", "dsp"]
MIXED = ["mxsf/e4m3", "int8/mxsf", "e5m2/e2m1", "e5m2/int8", "e2m1/int8"]
STALLS = Stalls(valid=0.7, ready=0.6, seed=5)


def build(element, **options):
    formats = tuple(parse(name) for name in element.split("/"))
    return ProductSum(formats if len(formats) == 2 else formats[0], **options)


def amaranth(component):
    return AmaranthSimulator(component)


def compiled(component):
    ports = [
        Port(name, len(signal), is_input)
        for name, (signal, is_input) in port_signals(component).items()
    ]
    design = netlist(component, "top")
    return CxxrtlSimulator(design.text, "top", ports, clocked=component.latency > 0)


def some(component, count=60, seed=0):
    """Some of the adversarial blocks and as many random ones: codes of a and b."""
    random = np.random.default_rng(seed)
    directed, drawn = adversarial_codes(component), random_codes(random, component, count)
    chosen = random.permutation(len(directed[0]))[:count]
    return tuple(np.concatenate([x[chosen], y]) for x, y in zip(directed, drawn, strict=True))


def run(component, simulator=amaranth, stalls=NO_STALLS, count=60):
    a, b = some(component, count)
    beats = np.random.default_rng(1).integers(1, component.beats + 1, len(a))
    stimulus = product_sum_stimulus(component, a, b, beats)
    result = run_stream(simulator(component), stimulus, stalls)
    assert result.passed, result.mismatches
    return result
