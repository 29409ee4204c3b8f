"""Run by cocotb inside Icarus: the bus models of cocotbext-axi against a design with AXI ports.

The environment variable CASE names a JSON file: packets of each stream, commands and registers.
"""

import json
import os
from itertools import chain
from pathlib import Path
from random import Random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, with_timeout
from cocotbext.axi import (
    AxiLiteBus,
    AxiLiteMaster,
    AxiResp,
    AxiStreamBus,
    AxiStreamFrame,
    AxiStreamSink,
    AxiStreamSource,
)

CASE = json.loads(Path(os.environ["CASE"]).read_text())


def pauses(seed):
    """Stall in four of ten cycles."""
    random = Random(seed)
    while True:
        yield random.random() < 0.4


def streams(dut, kind, model):
    """A model on each stream of a kind."""
    models = {}
    for seed, name in enumerate(CASE[kind]):
        bus = AxiStreamBus.from_prefix(dut, name)
        models[name] = model(bus, dut.aclk, dut.aresetn, reset_active_level=False)
        models[name].set_pause_generator(pauses(seed))
    return models


async def send(source, packets):
    """Send packets of beats, each with tdata and perhaps tuser; what ends in zeros is not kept."""
    lanes = source.byte_lanes
    for packet in packets:
        data = b"".join(beat["tdata"].to_bytes(lanes, "little") for beat in packet)
        users = chain.from_iterable([beat.get("tuser", 0)] * lanes for beat in packet)
        if "tkeep" in packet[0]:
            # At least a byte of the last beat is kept, and words of 4 bytes are not cut.
            while not any(data[-4:]) and len(data) % lanes != 4 and lanes > 4:
                data = data[:-4]
        await source.send(AxiStreamFrame(tdata=data, tuser=list(users)[: len(data)]))


async def receive(sink, name, packets):
    """Compare the packets that come with those that must."""
    lanes = sink.byte_lanes
    for number, packet in enumerate(packets):
        frame = await sink.recv(compact=False)
        golden = b"".join(beat["tdata"].to_bytes(lanes, "little") for beat in packet)
        assert bytes(frame.tdata) == golden, (name, number)
        if "tuser" in packet[0]:
            assert frame.tuser[::lanes] == [beat["tuser"] for beat in packet], (name, number)


async def start(dut):
    """Clock and reset."""
    cocotb.start_soon(Clock(dut.aclk, 10, "ns").start())
    dut.aresetn.value = 0
    await ClockCycles(dut.aclk, 5)
    dut.aresetn.value = 1
    await ClockCycles(dut.aclk, 1)


async def write(host, address, value):
    """Write a register; the response."""
    return (await host.write(address, value.to_bytes(4, "little"))).resp


async def read(host, address):
    """Read a register; the value and the response."""
    answer = await host.read(address, 4)
    return int.from_bytes(answer.data, "little"), answer.resp


async def command_all(host):
    """Give all commands through the registers, each again while the engine is full."""
    for writes in CASE["commands"]:
        for address, value in writes[:-1]:
            assert await write(host, address, value) == AxiResp.OKAY
        while await write(host, *writes[-1]) != AxiResp.OKAY:
            pass


async def check_registers(host):
    """Constants, and bad accesses in words that touch nothing."""
    for address, value in CASE["constants"]:
        assert await read(host, address) == (value, AxiResp.OKAY)
        assert await write(host, address, ~value % 2**32) == AxiResp.SLVERR
        assert await read(host, address) == (value, AxiResp.OKAY)
    for address in CASE["bad"]:
        assert (await read(host, address))[1] == AxiResp.SLVERR
        assert await write(host, address, 0xFFFFFFFF) == AxiResp.SLVERR
    address = CASE["scratch"]
    assert await write(host, address, 0x44332211) == AxiResp.OKAY
    await host.write(address + 1, b"\xaa\xbb")  # a write with two strobes
    assert (await read(host, address))[0] == 0x44BBAA11


@cocotb.test()
async def run(dut):
    """Everything that goes in, and everything that must come out."""
    sources = streams(dut, "inputs", AxiStreamSource)
    sinks = streams(dut, "outputs", AxiStreamSink)
    host = None
    if CASE["commands"]:
        bus = AxiLiteBus.from_prefix(dut, "s_axi")
        host = AxiLiteMaster(bus, dut.aclk, dut.aresetn, reset_active_level=False)
    await start(dut)
    tasks = [cocotb.start_soon(send(sources[n], p)) for n, p in CASE["inputs"].items()]
    waits = [cocotb.start_soon(receive(sinks[n], n, p)) for n, p in CASE["outputs"].items()]
    if host is not None:
        await check_registers(host)
        await command_all(host)
    for task in [*tasks, *waits]:
        await with_timeout(task, 10, "ms")
    if host is not None:
        for address, value in CASE["ends"]:
            assert (await read(host, address))[0] == value, hex(address)
    await ClockCycles(dut.aclk, 100)
    assert all(sink.empty() for sink in sinks.values())
