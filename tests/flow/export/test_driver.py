"""The C driver: compiled without a warning, on registers in Python and on the Verilog."""

import ctypes
import re
import shutil

import pytest
from c_driver import Registers, attach, compiled, memory_of
from designs import needs_verilator
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.register_map import register_files
from mxsf.golden.accelerator.descriptor import End, Fence, Load, Multiply, Place, encode
from mxsf.golden.accelerator.fault import Fault
from mxsf.golden.accelerator.fields import Opcode
from mxsf.golden.accelerator.view import View
from mxsf.sim.interface.accelerator_driver import run_now
from mxsf.sim.stimulus.training_step import training_step
from systems import compiled_system

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="no C compiler")

OK, ABSENT, OTHER_MAP, RUNS, GAVE_UP, FAULTED, BAD_ARGUMENT, NO_PROGRAM = range(8)

IDLE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
ON_END = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Accelerator(ctypes.Structure):
    _fields_ = (
        ("base", ctypes.c_void_p),
        *((name, ctypes.c_uint32) for name in ("tile", "code_bits", "pes", "depth", "beat")),
        *((name, ctypes.c_uint32) for name in ("code_record", "word_record", "requantizes")),
        *((name, ctypes.c_uint32) for name in ("stochastic", "address_bits")),
        *((name, ctypes.c_uint32) for name in ("element", "nested", "quantizer")),
        ("ended", ctypes.c_int),
        *(("on_end", ctypes.c_void_p), ("context", ctypes.c_void_p)),
    )


class Ended(ctypes.Structure):
    _fields_ = (
        ("fault", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("descriptor", "bus", "next")),
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    loaded = compiled(tmp_path_factory.mktemp("driver"), ("mxsf_accelerator_driver.c",))
    for name in ("status", "fault"):
        getattr(loaded, f"mxsf_accelerator_{name}_text").restype = ctypes.c_char_p
    loaded.mxsf_accelerator_counter.restype = ctypes.c_uint64
    return loaded


class Driver:
    """The functions of the driver, on registers that two functions read and write."""

    def __init__(self, library, read, write):
        self.library, self.here, self.result = library, Accelerator(), Ended()
        self._kept = attach(library, read, write)

    def probe(self, base=0):
        return self.library.mxsf_accelerator_probe(ctypes.byref(self.here), ctypes.c_void_p(base))

    def go(self, program, interrupt=1):
        here = ctypes.byref(self.here)
        return self.library.mxsf_accelerator_go(here, ctypes.c_uint64(program), interrupt)

    def wait(self, idle=None):
        here, result = ctypes.byref(self.here), ctypes.byref(self.result)
        called = IDLE() if idle is None else IDLE(lambda context: idle())
        return self.library.mxsf_accelerator_wait(here, called, None, result)

    def on_end(self, function):
        self._on_end = ON_END(lambda context: function())
        self.library.mxsf_accelerator_on_end(ctypes.byref(self.here), self._on_end, None)

    def interrupt(self):
        return self.library.mxsf_accelerator_interrupt(ctypes.byref(self.here))

    def counter(self, offset):
        return self.library.mxsf_accelerator_counter(ctypes.byref(self.here), offset)

    def check(self, data):
        where = ctypes.c_size_t(999)
        found = self.library.mxsf_accelerator_check(data, len(data), ctypes.byref(where))
        return found, where.value


def load(rows, columns, codes=0, scales=0):
    return Load(Opcode.LOAD_B, rows, columns, Place(0, codes), Place(0, scales), View())


def program(*descriptors):
    return b"".join(map(encode, descriptors))


def test_probe(library):
    registers = Registers(memory_of(b""))
    driver = Driver(library, registers.read, registers.write)
    assert driver.probe() == OK
    built = registers.component.built
    found = {name: getattr(driver.here, name) for name, _ in Accelerator._fields_[1:-3]}
    assert found == {
        **{name: registers.values[name] for name in ("element", "nested", "quantizer")},
        **{"tile": 4, "pes": 4, "depth": 512, "beat": 8, "address_bits": 32},
        **{"code_bits": built.element.bits, "requantizes": 1, "stochastic": 0},
        **{"code_record": built.code_record, "word_record": built.word_record},
    }
    registers.values["version"] += 1  # a minor one
    assert driver.probe() == OK
    registers.values["version"] += 1 << 16
    assert driver.probe() == OTHER_MAP
    registers.values["id"] ^= 1
    assert driver.probe() == ABSENT


def test_run(library):
    registers = Registers(memory_of(program(load(1, 2, 256, 320), Fence(), End(True))))
    driver = Driver(library, registers.read, registers.write)
    assert driver.probe() == OK
    looks = []
    assert driver.go(0) == OK
    assert driver.go(0) == RUNS
    assert driver.wait(lambda: looks.append(1) or 0) == OK
    assert len(looks) == 2  # one of three was go's
    assert (driver.result.fault, driver.result.descriptor, driver.result.next) == (0, 128, 192)
    text = register_files(variant("accelerator"))["mxsf_accelerator_regs.h"]
    offset = int(re.search(r"COUNT_LOAD_CODE_BYTES_LOW (0x\w+)u", text)[1], 16)
    assert driver.counter(offset) == 2 * registers.component.built.code_record
    assert driver.go(0) == OK
    assert driver.wait(lambda: 1) == GAVE_UP
    assert driver.go(4) == BAD_ARGUMENT


def test_the_handler_of_the_interrupt(library):
    registers = Registers(memory_of(program(Fence(), End(True), End(True))))
    driver, ended = Driver(library, registers.read, registers.write), []
    assert driver.probe() == OK

    def end():
        assert driver.wait() == OK
        ended.append(driver.result.next)
        if len(ended) == 1:
            assert driver.go(driver.result.next) == OK  # the next program, from the handler

    driver.on_end(end)
    assert not driver.interrupt()  # another device's
    assert driver.go(0) == OK
    assert not driver.here.ended
    registers.left = 0
    assert driver.interrupt()
    assert ended == [128]
    registers.left = 0
    assert driver.interrupt()
    assert driver.here.ended
    assert ended == [128, 192]
    assert not driver.interrupt()  # it was taken back


def test_faults(library):
    registers = Registers(memory_of(program(Fence(), load(0, 1))))
    driver = Driver(library, registers.read, registers.write)
    assert driver.probe() == OK
    assert driver.go(0) == OK
    assert driver.wait() == FAULTED
    assert (driver.result.fault, driver.result.descriptor) == (Fault.SIZE, 64)
    texts = [library.mxsf_accelerator_fault_text(fault) for fault in range(len(Fault) + 1)]
    assert b"a size or a run is 0" in texts[Fault.SIZE]
    assert texts[-1] == b"unknown fault"
    assert len(set(texts)) == len(texts)
    said = [library.mxsf_accelerator_status_text(status) for status in range(10)]
    assert len(set(said)) == 10


def test_check(library):
    driver = Driver(library, lambda offset: 0, lambda offset, value: None)
    product = Multiply(1, 1, 1, words=Place())
    assert driver.check(program(load(1, 2), product, Fence(), End(True))) == (OK, 192)
    assert driver.check(program(load(1, 2), Fence())) == (NO_PROGRAM, 128)
    assert driver.check(b"") == (NO_PROGRAM, 0)
    assert driver.check(bytes(64)) == (NO_PROGRAM, 0)
    for bad in (load(1, 0), Multiply(1, 1, 0, words=Place())):
        assert driver.check(program(Fence(), bad, End(True))) == (NO_PROGRAM, 64)
    wrong = bytearray(program(product, End(True)))
    wrong[0] |= 0x30  # no such start of sums
    assert driver.check(bytes(wrong)) == (NO_PROGRAM, 0)


@pytest.mark.long
@needs_verilator
def test_on_the_verilog(library):
    """A training step: every byte of memory, from C, on the Verilog that ships."""
    component, system = compiled_system(tile=4, pes=4)
    made = training_step(component.built, 3)
    golden = made.machine(component.built)
    golden.run(made.start)
    memory = memory_of(made.memory.tobytes())
    system.attach(memory)
    driver = Driver(
        library,
        lambda offset: system.access(offset)[0],
        lambda offset, value: system.access(offset, value) and None,
    )
    assert driver.probe() == OK
    for number in range(4):
        assert not library.mxsf_accelerator_set_base(ctypes.byref(driver.here), number, 0)
    assert library.mxsf_accelerator_set_base(ctypes.byref(driver.here), 4, 0) == BAD_ARGUMENT
    library.mxsf_accelerator_set_window(
        ctypes.byref(driver.here), ctypes.c_uint64(0), ctypes.c_uint64(0)
    )
    ended = []
    driver.on_end(lambda: ended.append(driver.wait()))
    assert driver.go(made.start) == OK
    assert not driver.interrupt()
    run_now(system.ended(1 << 62))
    assert system.irq()
    assert driver.interrupt()
    assert (ended, driver.result.fault) == ([OK], 0)
    assert driver.wait() == OK
    assert memory[: len(golden.memory)].tobytes() == golden.memory.tobytes()
    assert not system.irq()
    # A host that saw nothing of this run counts its own only.
    run_now(system.set_up())
    counters = run_now(system.run(made.start)).counters
    assert {name: counters[name] for name in golden.counters} == golden.counters
