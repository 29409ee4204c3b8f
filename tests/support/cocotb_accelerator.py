"""Run by cocotb inside Icarus: the memory and the host of cocotbext-axi around an accelerator.

The environment variable CASE names a JSON file: the fields of ``ProgramVectors``.
"""

import json
import os
from itertools import count
from pathlib import Path

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge, with_timeout
from cocotb_axi import pauses, read, start, write
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiRam, AxiResp

CASE = json.loads(Path(os.environ["CASE"]).read_text())


def stall(model, seeds):
    """Pause every channel of a model."""
    for side, channels in ((model.write_if, ("aw", "w", "b")), (model.read_if, ("ar", "r"))):
        for channel in channels:
            getattr(side, f"{channel}_channel").set_pause_generator(pauses(next(seeds)))


def data(numbers):
    """Bytes of beats."""
    beat = CASE["bus"] // 8
    return b"".join(number.to_bytes(beat, "little") for number in numbers)


@cocotb.test()
async def run(dut):
    """One program: memory and registers after it."""
    memory, golden = bytearray(data(CASE["memory"])), data(CASE["golden"])
    clock = dut.aclk, dut.aresetn, False
    ram = AxiRam(AxiBus.from_prefix(dut, "m_axi"), *clock, mem=memory)
    host = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), *clock)
    seeds = count(CASE["seed"])
    stall(ram, seeds)
    stall(host, seeds)
    await start(dut)
    for name, address, value in CASE["writes"]:
        assert await write(host, address, value) == AxiResp.OKAY, name
    if not dut.irq.value:
        await with_timeout(RisingEdge(dut.irq), 1, "ms")
    for name, address, value in CASE["ends"]:
        assert await read(host, address) == (value, AxiResp.OKAY), name
    _, address, value = CASE["clear"]
    assert await write(host, address, value) == AxiResp.OKAY
    await ClockCycles(dut.aclk, 20)
    assert dut.irq.value == 0
    wrong = [place for place, byte in enumerate(golden) if memory[place] != byte]
    assert len(memory) == len(golden)
    assert not wrong, (len(wrong), hex(wrong[0]))
