"""C that ships with the accelerator, compiled here, on registers that functions read and write."""

import ctypes
import subprocess

import numpy as np
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.driver import driver_files
from mxsf.flow.export.register_map import register_files
from mxsf.golden.accelerator.fault import Window
from mxsf.golden.accelerator.machine import Machine
from mxsf.hdl.accelerator.register_map import halves

FLAGS = ("-Wall", "-Wextra", "-Werror", "-pedantic", "-std=c99")

SHIM = """
#include <stdint.h>
typedef uint32_t (*reader)(uint32_t);
typedef void (*writer)(uint32_t, uint32_t);
extern reader shim_read;
extern writer shim_write;
#define MXSF_ACCELERATOR_READ(base, offset) shim_read((uint32_t)((base) + (offset)))
#define MXSF_ACCELERATOR_WRITE(base, offset, value) shim_write((uint32_t)((base) + (offset)), value)
"""

READER = ctypes.CFUNCTYPE(ctypes.c_uint32, ctypes.c_uint32)
WRITER = ctypes.CFUNCTYPE(None, ctypes.c_uint32, ctypes.c_uint32)


def compiled(folder, sources, more=(), shim=SHIM, body="reader shim_read;\nwriter shim_write;\n"):
    """A library of C files, those that ship and ``more`` by name; without the shim they compile."""
    design = variant("accelerator", tile=4, pes=4)
    texts = {**register_files(design), **driver_files(design), **dict(more)}
    for name, text in {**texts, "shim.h": shim, "shim.c": body}.items():
        (folder / name).write_text(text)
    every = [*sources, *dict(more)]
    library = ["-include", "shim.h", "-shared", "-fPIC", "-o", "library.so", *every, "shim.c"]
    for words in (library, ["-fsyntax-only", *every]):
        command = ["gcc", *FLAGS, *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "library.so"))


def attach(library, read, write):
    """Let a library access registers by functions, which the caller keeps."""
    kept = READER(read), WRITER(write)
    for name, function in zip(("shim_read", "shim_write"), kept, strict=True):
        target = ctypes.c_void_p.in_dll(library, name)
        target.value = ctypes.cast(function, ctypes.c_void_p).value
    return kept


def memory_of(data):
    """Memory that begins with some bytes."""
    return np.frombuffer(data + bytes(-len(data) % 4096), np.uint8).copy()


class Registers:
    """Registers of an accelerator that takes three looks to run a program on the golden machine."""

    def __init__(self, memory, origin=0, **options):
        self.component = variant("accelerator", **{"tile": 4, "pes": 4, **options}).component
        self.offsets = {register.offset: register for register in self.component.registers}
        self.values = {r.name: r.constant or 0 for r in self.component.registers}
        self.machine, self.left = Machine(self.component.built, memory, origin), 0

    def read(self, offset):
        name = self.offsets[offset].name
        if name == "status" and self.left:
            self.left -= 1
            return 1
        if name.startswith("count_"):
            counter, half = name.removeprefix("count_").rsplit("_", 1)
            value = self.machine.counters.get(counter, 0)
            return value >> 32 if half == "high" else value & 0xFFFFFFFF
        return self.values[name]

    def write(self, offset, value):
        name = self.offsets[offset].name
        self.values[name] = value
        if name == "control" and value & 4:
            self.values["status"] &= ~2
        if name != "control" or not value & 1:
            return
        self.machine.bases = [self._wide(f"base_{number}") for number in range(4)]
        end = self._wide("window_high") or 1 << self.component.address
        self.machine.window = Window(self._wide("window_low"), end)
        ended = self.machine.run(self._wide("program"))
        self.values["status"] = ended.fault << 4 | ended.irq << 1
        wide = {"descriptor": ended.descriptor, "bus": ended.bus_address, "program": ended.program}
        for register, address in wide.items():
            for half, part in zip(
                halves(register), (address & 0xFFFFFFFF, address >> 32), strict=True
            ):
                self.values[half] = part
        self.left = 3

    def _wide(self, name):
        low, high = (self.values[half] for half in halves(name))
        return high << 32 | low
