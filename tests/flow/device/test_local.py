"""Devices of this process: memory, programs, faults, a program without end."""

from functools import partial

import numpy as np
import pytest
import train_network
from designs import needs_verilator
from mxsf.flow.device.local import DEVICES, GoldenDevice, RtlDevice, make_device
from mxsf.flow.network.digits import digits_batch
from mxsf.flow.network.image_file import ImageFile
from mxsf.flow.network.inference import compile_network
from mxsf.flow.network.layers import AveragePool, Conv2d, Dense, Flatten, Relu
from mxsf.flow.network.network import Network
from mxsf.golden.accelerator.configuration import Configuration
from mxsf.golden.accelerator.descriptor import End, Fence, Load, Place, encode
from mxsf.golden.accelerator.fields import Opcode
from mxsf.golden.accelerator.view import View
from systems import compiled_system
from train_digits import Split

BUILT, SIZE = Configuration(tile=4, pes=4), 1 << 16


@pytest.fixture(params=["golden", pytest.param("rtl", marks=[pytest.mark.long, needs_verilator])])
def device(request, monkeypatch):
    if request.param == "golden":
        return make_device("golden", BUILT, SIZE)
    # The library of the other tests, in place of another minute of compiling.
    _, system = compiled_system(tile=4, pes=4)
    monkeypatch.setattr("mxsf.flow.device.local.System", lambda *args: system)
    return RtlDevice(BUILT, SIZE)


def bytes_of(*descriptors):
    return np.frombuffer(b"".join(map(encode, descriptors)), np.uint8)


def test_memory(device):
    assert device.name in DEVICES
    device.put(3, np.arange(5, dtype=np.uint8))
    assert device.get(2, 7).tolist() == [0, 0, 1, 2, 3, 4, 0]
    for address in (SIZE - 2, -1):
        with pytest.raises(ValueError, match=r"3 bytes at .* are not in the memory of 65536 bytes"):
            device.put(address, np.zeros(3, np.uint8))
        with pytest.raises(ValueError, match="3 bytes at"):
            device.get(address, 3)


def test_programs(device):
    load = Load(Opcode.LOAD_A, 2, 2, Place(0, 1024), Place(0, 2048), View(pitch=2))
    device.put(0, bytes_of(load, Fence(), End(True)))
    told = []
    for _ in range(2):
        ran = device.run(0, 100_000, told.append)
        assert ran.counters["descriptors"] == 3
        assert ran.counters["load_code_bytes"] == 4 * 16
        assert ran.cycles is None or 40 < ran.cycles < 1000
    assert told


def test_faults_have_a_name_and_a_place(device):
    device.put(0, bytes_of(Fence(), Load(Opcode.LOAD_A, 0, 2, Place(), Place(), View())))
    with pytest.raises(RuntimeError, match=r"fault SIZE at 0x40$"):
        device.run(0)
    device.put(
        0, bytes_of(Load(Opcode.LOAD_A, 1, 2, Place(0, 1 << 20), Place(), View()), End(True))
    )
    with pytest.raises(RuntimeError, match=r"fault READ at 0x.* \(bus address 0x100000\)"):
        device.run(0)
    device.put(0, bytes_of(End(True)))
    assert device.run(0).counters["descriptors"] == 1  # it goes on as ever


def test_a_program_that_takes_too_long(device, monkeypatch):
    if isinstance(device, GoldenDevice):
        return  # it counts no cycles
    monkeypatch.setattr("mxsf.sim.interface.system._POLL", 10)
    load = Load(Opcode.LOAD_A, 16, 16, Place(0, 0), Place(0, 0), View(pitch=1))
    device.put(0, bytes_of(load, load, load, load, End(True)))
    with pytest.raises(TimeoutError, match=r"no END within 50 cycles: .* at 0x.* waits"):
        device.run(0, 50)
    device.put(0, bytes_of(End(True)))
    assert device.run(0, 1000).counters["descriptors"] == 1


def test_a_network_gives_the_same_bits(device):
    layers = [Conv2d(4, 3), Relu(), AveragePool(2), Flatten(), Dense(3)]
    network = Network.of((2, 4, 4), layers)
    made = ImageFile.of(compile_network(network, network.drawn(0), 4, BUILT))
    assert len(made.memory) <= SIZE
    x = np.random.default_rng(1).standard_normal((6, 2, 4, 4), np.float32)
    assert made.run(x, device).tobytes() == made.run(x).tobytes()


@pytest.mark.long
@needs_verilator
def test_the_digits_learn_on_the_verilog(monkeypatch, capsys):
    """The example: a step on the 64 images that ship, every byte of memory compared."""
    _, system = compiled_system(tile=4, pes=4)
    monkeypatch.setattr("mxsf.flow.device.local.System", lambda *args: system)
    monkeypatch.setattr("network_trainer.Configuration", partial(Configuration, tile=4, pes=4))
    x, y = digits_batch()
    data = Split(x, y.argmax(axis=1), x, y.argmax(axis=1))
    monkeypatch.setattr("train_network.load", lambda: data)
    assert train_network.main(["--format", "mxsf", "--epochs", "1", "--device", "rtl"]) == 0
    assert "bytes of memory equal the golden machine's\n" in capsys.readouterr().out


def test_names():
    with pytest.raises(ValueError, match="device must be one of golden, rtl, not 'gold'"):
        make_device("gold", BUILT, 64)
