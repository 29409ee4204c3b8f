"""Boards: the self-test and its top in simulation, the host, and bitstreams."""

import json
import os
import re
import threading
import tty
import zlib
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from commands import command
from designs import needs_gcc, plant
from mxsf.flow.board import boards as boards_module
from mxsf.flow.board import host as host_module
from mxsf.flow.board.bitstream import Bitstream
from mxsf.flow.board.boards import BAUD, boards, divisor, find_board, plan
from mxsf.flow.board.host import Host, HostError, open_line
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.netlist.netlist import netlist
from mxsf.golden import MXSF, matmul, parse, quantize
from mxsf.golden.engine.machine import Command, Machine, Opcode, Output, Tiles, split
from mxsf.golden.engine.protocol import (
    Info,
    Reply,
    Report,
    Request,
    command_bytes,
    operand_rows,
    read_results,
)
from mxsf.golden.engine.self_test import TIMED, SelfTest
from mxsf.golden.quantize.lfsr import Lfsr
from mxsf.hdl import Matmul
from mxsf.hdl.board import board as board_module
from mxsf.hdl.board.board import Board, make_board, self_test
from mxsf.hdl.board.replies import Replies
from mxsf.hdl.board.uart import Receiver, Transmitter
from mxsf.hdl.engine import product as product_module
from mxsf.hdl.engine.matmul import machine
from mxsf.hdl.engine.sequencer import Sequencer
from mxsf.sim.bench.board import exchange, serve
from mxsf.sim.bench.engine import product_cycles
from mxsf.sim.bench.uart import LineReader, LineWriter
from mxsf.sim.simulator.amaranth import AmaranthSimulator, port_signals
from mxsf.sim.simulator.cxxrtl import CxxrtlSimulator
from mxsf.sim.simulator.waveform import Port

CLOCK, DIVISOR = 1_000_000, 4
ROWS = {"tile": 4, "pes": 1, "depth": 4, "requantize": False, "stages": 3, "fabric": "dsp"}
TILES = {"tile": 4, "pes": 1, "depth": 8, "stages": 3}
WIDE = {**ROWS, "pes": 8, "depth": 9, "element": parse("e1m8")}  # two rows a beat, wide codes

SLOW = pytest.param(WIDE, marks=pytest.mark.long)  # the compiler takes its time


def simulator(board):
    ports = [Port(n, len(s), is_input) for n, (s, is_input) in port_signals(board).items()]
    return CxxrtlSimulator(netlist(board, "board").text, "board", ports)


def make(**options):
    return make_board(Matmul(**options), clock=CLOCK, divisor=DIVISOR)


@cache
def compiled(options):
    board = make(**dict(options))
    return board, simulator(board)


def built(options):
    return compiled(tuple(options.items()))


# The golden self-test.


def test_the_crc_is_that_of_plain_matrix_products():
    """Without the machine: its random bytes by hand, its products by ``matmul``."""
    data = Lfsr(1).draw(2 * 16 * 5 + 16 * 16)[:, 0].astype(np.uint8)
    rows = data[:160].reshape(2, 16, 5)
    rows[..., -1] = rows[..., -1] % 16 + 0x70
    tensors = []
    for side in rows:
        codes = side[:, :4].reshape(4, 4, 4)
        tensors.append((codes, side[3::4, 4]))
    start = data[160:].reshape(16, 16)
    start[:, 3::4] = start[:, 3::4] & 0x83 | 0x3C
    start = start.view("<f4").reshape(2, 2, 4, 4).swapaxes(1, 2).reshape(8, 8)

    def tensor(side, turned):
        codes, scales = tensors[side]
        matrix = quantize(np.zeros((8, 8), np.float32), MXSF, (4, 4))
        matrix.codes[:] = codes.reshape(2, 2, 4, 4).swapaxes(1, 2).reshape(8, 8)
        matrix.scales[:] = scales.reshape(2, 2)
        return matrix.T if turned else matrix

    products = [
        matmul(tensor(0, False), tensor(1, False)),
        matmul(tensor(0, True), tensor(1, True), start),
    ]
    text = b"".join(split(product, 4).astype("<f4").tobytes() for product in products)
    test = SelfTest(MXSF, tile=4, depth=4, requantize=False)
    assert test.crc(Machine(tile=4, depth=4, requantize=False)) == zlib.crc32(text)
    assert test.macs == 512


@pytest.mark.parametrize("depth", [2, 3, 4, 5, 16, 64])
def test_steps_fit_the_memories_and_read_what_was_loaded(depth):
    golden = Machine(tile=4, depth=depth)
    steps = SelfTest(MXSF, tile=4, depth=depth).steps
    assert not any(golden.fault(step.command) for step in steps)
    assert {step.command.output for step in steps[2:]} == {0, 1, 2}
    loaded = steps[0].command.tiles, steps[1].command.tiles
    for step in steps[2:]:
        assert (step.command.m * step.command.k, step.command.k * step.command.n) == loaded


def test_results_are_not_all_the_same():
    """Random operands are worth something only where few results are zero, Inf or NaN."""
    golden = Machine(depth=16)
    test = SelfTest(MXSF, tile=8, depth=16)
    kept = []
    multiply = golden.multiply
    golden.multiply = lambda *operands: kept.append(multiply(*operands)) or kept[-1]
    test.crc(golden)
    words = np.concatenate([words.ravel() for words, _ in kept])
    assert np.isfinite(words).all()
    assert len(np.unique(words)) > 0.95 * len(words[: 2 * 4 * 64])
    assert len(np.unique(kept[-1][1].codes)) > 100


# Messages.


def test_messages():
    info = Info(1, False, 4, 16, 300, 12_000_000, "e2m3+e2m1")
    assert Info.unpack(info.pack()) == info
    assert len(info.pack()) == 27
    report = Report(False, 2, 0xFFFFFFFF, 1 << 20)
    assert Report.unpack(report.pack()) == report
    tiles = Tiles(np.uint16([[[0x102, 3], [4, 5]]]), np.uint8([9]))
    rows = operand_rows(tiles, parse("e4m11"))
    assert rows.tolist() == [[2, 1, 3, 0, 9], [4, 0, 5, 0, 9]]
    assert operand_rows(tiles, parse("e4m11"), 2).tolist() == [[2, 1, 3, 0, 4, 0, 5, 0, 9]]


# UART.


@pytest.mark.parametrize("divisor", [4, 5, 16])
@pytest.mark.parametrize("skew", [0.97, 1.0, 1.03])
def test_uart(divisor, skew):
    """The receiver hears another clock; the transmitter is heard. Bytes follow without a gap."""
    data = bytes([0x00, 0xFF, 0x55, 0xA5, 0x80, 0x01])
    receiver, transmitter = Receiver(divisor), Transmitter(divisor)
    levels = LineWriter(16)
    levels.send(data)
    line = [levels.step() for _ in range(16 * 10 * len(data))] + [1] * 40
    heard, waves = [], []

    async def listen(pins):
        for cycle in range(int(10 * len(data) * divisor / skew) + 2 * divisor):
            place = int(cycle * 16 / divisor * skew)
            pins.set("rx", line[min(place, len(line) - 1)])
            await pins.tick()
            if pins.get("valid"):
                heard.append(pins.get("byte"))

    async def talk(pins):
        left = list(data)
        for _ in range(10 * divisor * len(data) + 20):
            pins.set("i__valid", int(bool(left)))
            pins.set("i__payload", left[0] if left else 0)
            taken = pins.get("i__ready") and left
            waves.append(pins.get("tx"))
            await pins.tick()
            if taken:
                left.pop(0)

    AmaranthSimulator(receiver).run(listen)
    tolerant = divisor >= 16 or skew == 1
    assert not tolerant or bytes(heard) == data
    AmaranthSimulator(transmitter).run(talk)
    reader = LineReader(divisor)
    for level in waves:
        reader.step(level)
    assert reader.take() == data


def test_a_byte_without_stop_bit_is_dropped():
    receiver, heard = Receiver(4), []

    async def listen(pins):
        for level in [1, *[0] * 44, *[1] * 44, *[0], *[1] * 60]:  # a break, then a glitch
            pins.set("rx", level)
            await pins.tick()
            heard.append(pins.get("valid"))

    AmaranthSimulator(receiver).run(listen)
    assert not any(heard)
    with pytest.raises(ValueError, match="divisor must be at least 4, not 3"):
        Receiver(3)


# The top, whole, from reset.


@needs_gcc
@pytest.mark.parametrize("options", [ROWS, TILES, SLOW], ids=["rows", "tiles", "wide"])
def test_self_test_after_reset_and_on_request(options):
    board, running = built(options)
    report, rest, lights = exchange(running, board, bytes([Request.TEST]), 11)
    golden = board.test.crc(machine(board.engine))
    assert report[:3] == (True, 0, golden)
    assert (lights.running, lights.passed, lights.failed) == (False, True, False)
    assert rest[0] == Reply.REPORT
    assert Report.unpack(rest[1:]) == report
    command = board.test.steps[TIMED].command
    cycles = product_cycles(board.engine, (command.m, command.n, command.k))
    # What the results may cost, the latency, and the rows of the last tile.
    assert cycles < report.cycles < cycles * 17 / 16 + 60
    assert board.test.macs == command.tiles * command.k * board.engine.tile**3


@pytest.mark.long
@needs_gcc
@pytest.mark.parametrize("name", ["icebreaker", "ulx3s_85f"])
def test_the_engine_of_a_board(name):
    """As it is on the board, but for the rate of the serial line."""
    kind = find_board(name)
    part = variant("matmul", **kind.engine()).component
    board = make_board(part, clock=int(kind.platform().default_clk_frequency), divisor=DIVISOR)
    report, _, lights = exchange(simulator(board), board, b"", 0, limit=500_000)
    assert report.passed
    rate = board.test.macs * board.info.clock / report.cycles / 1e9
    print(
        f"{name}: {lights.cycles} cycles in all, {report.cycles} of the product, {rate:.3f} GMAC/s"
    )
    assert rate > 0.8 * board.info.clock / 1e9 * part.pes * part.tile


@needs_gcc
def test_info():
    board, running = built(ROWS)
    _, reply, _ = exchange(running, board, bytes([Request.INFO]) * 2, 28)
    assert reply[0] == Reply.INFO
    assert Info.unpack(reply[1:]) == board.info


def test_on_the_simulator_of_amaranth():
    """A second simulator, which resets in its own way."""
    board = make(**ROWS)
    report, _, lights = exchange(AmaranthSimulator(board), board, b"", 0)
    assert report.passed
    assert lights.passed


def run_tests(board):
    report, _, lights = exchange(AmaranthSimulator(board), board, b"", 0)
    assert lights.failed != lights.passed
    assert lights.passed == report.passed
    return report


def test_a_planted_fault_shows_as_fail(monkeypatch):
    """A transposed tile that is read right in its first step only."""
    plant(
        monkeypatch,
        Sequencer,
        product_module,
        lambda part: part.o.payload.a_across.eq(part.job.a_transposed & (part.o.payload.step == 0)),
    )
    report = run_tests(make(**ROWS))
    assert not report.passed
    assert report.error == 0
    assert report.crc != make(**ROWS).tester.expected


def test_a_row_that_is_cut_short_shows_as_fail(monkeypatch):
    """The path to the CRC is watched too."""
    plant(monkeypatch, Replies, board_module, lambda part: part.chunk_valid.eq(part.o.ready))
    assert not run_tests(make(**ROWS)).passed


def test_another_expectation_shows_as_fail():
    board = make(**ROWS)
    wrong = Board(board.engine, clock=CLOCK, divisor=DIVISOR, expected=board.tester.expected ^ 1)
    report = run_tests(wrong)
    assert not report.passed
    assert report.crc == board.tester.expected


# Requests of a host, byte by byte.


def request(command, rows=(), kind=None):
    text = bytes([Request.COMMAND]) + command_bytes(command)
    return text + b"".join(bytes([kind]) + row.tobytes() for row in rows)


def product_requests(board, random, output=Output.WORDS):
    """Load a tile each and multiply; returns the bytes and the golden words and tiles."""
    part = board.engine
    golden = machine(part)
    text = b""
    for opcode, kind in ((Opcode.LOAD_A, Request.A), (Opcode.LOAD_B, Request.B)):
        codes = random.integers(0, 1 << part.element.bits, (1, part.tile, part.tile))
        tiles = Tiles(codes.astype(part.element.code_dtype), np.uint8([127]))
        golden.load(Command(opcode), tiles)
        text += request(Command(opcode), operand_rows(tiles, part.element, part.rows), kind)
    multiply = Command(Opcode.MULTIPLY, output=output)
    return text + request(multiply), golden.multiply(multiply)


@needs_gcc
@pytest.mark.parametrize("options", [ROWS, SLOW], ids=["rows", "wide"])
def test_a_product_of_the_host(options):
    board, running = built(options)
    text, (words, _) = product_requests(board, np.random.default_rng(0))
    _, reply, _ = exchange(running, board, text, 4 * 17)
    assert set(reply[::17]) == {Reply.ROW}
    data = b"".join(reply[n + 1 : n + 17] for n in range(0, 68, 17))
    np.testing.assert_array_equal(read_results(data, 4), words)


@needs_gcc
def test_tiles_for_the_host():
    board, running = built(TILES)
    text, (_, tiles) = product_requests(board, np.random.default_rng(1), Output.TRANSPOSED)
    _, reply, _ = exchange(running, board, text, 4 * 17)
    rows = [reply[n + 1 : n + 17] for n in range(0, 68, 17)]
    assert [row[:4] for row in rows] == [bytes(column) for column in tiles.codes[0].T]
    assert {row[4:] for row in rows} == {bytes([tiles.scales[0]]) + bytes(11)}


@needs_gcc
@pytest.mark.parametrize(
    "noise",
    [
        bytes([Request.A]) + bytes(5),  # a row that nobody has asked for
        request(Command(Opcode.LOAD_A)),  # a load without rows
        request(Command(Opcode.MULTIPLY, accumulate=True)),  # a product without its start
        bytes([Request.COMMAND, 1, 2]) + bytes(16),  # cut short, filled up
        b"\xff\x00hello",
        bytes([Request.TEST]),
    ],
    ids=["row", "load", "start", "short", "noise", "test"],
)
def test_abort_frees_the_board(noise):
    board, running = built(ROWS)
    text, (words, _) = product_requests(board, np.random.default_rng(2))
    _, reply, lights = exchange(running, board, noise + bytes([Request.ABORT]) + text, 4 * 17)
    data = b"".join(reply[n + 1 : n + 17] for n in range(0, 68, 17))
    np.testing.assert_array_equal(read_results(data, 4), words)
    # A test that was cut off says nothing; what was known stays only where none began.
    assert lights.passed == (noise != bytes([Request.TEST]))


@needs_gcc
def test_a_fault_of_the_host_is_reported_until_the_next_abort():
    board, running = built(ROWS)
    bad = request(Command(Opcode.MULTIPLY, m=0))
    report, rest, _ = exchange(running, board, bad + bytes([Request.TEST]), 11)
    assert Report.unpack(rest[1:]) == report  # the test begins with a reset of the engine


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clock": 0}, "clock must be 1 to 4294967295 Hz, not 0"),
        ({"divisor": 2}, "divisor must be at least 4, not 2"),
    ],
)
def test_bad_parameters(options, message):
    with pytest.raises(ValueError, match=message):
        Board(Matmul(**ROWS), **{"clock": 1, "divisor": 4, "expected": 0} | options)


def test_long_names():
    long = Matmul(tile=4, pes=1, depth=2, element=parse("e2m8+e3m5+e2m3+e2m1"))
    with pytest.raises(ValueError, match="at most 16 characters, not 'e2m8"):
        Board(long, clock=1, divisor=4, expected=0)


# The host, through a pseudo-terminal.


@pytest.fixture
def port(monkeypatch):
    """Name of a serial port that a simulated board listens on, which is slower than a real one."""
    monkeypatch.setattr("mxsf.flow.board.host._TIMEOUT", 120.0)
    board, running = built(ROWS)
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    ended = threading.Event()

    def receive():
        if ended.is_set():
            return None
        try:
            return os.read(master, 4096)
        except BlockingIOError:
            return b""

    thread = threading.Thread(
        target=serve, args=(running, board, receive, lambda data: os.write(master, data))
    )
    thread.start()
    yield os.ttyname(slave)
    ended.set()
    thread.join()
    os.close(master)
    os.close(slave)


MATRICES = [np.random.default_rng(5).standard_normal(shape) for shape in ((3, 18), (18, 6))]


@needs_gcc
def test_host(port, monkeypatch, capsys, tmp_path):
    """The self-test, then a product with K longer than the memories, and edges that are no tile."""
    assert command(monkeypatch, "host", port) == 0
    seen = capsys.readouterr().out
    assert "board: mxsf, 1 PEs, tiles of 4, 4 of them a memory, 1 MHz" in seen
    assert "self-test passed: CRC" in seen
    assert "512 MACs in" in seen
    for name, values in zip("ab", MATRICES, strict=True):
        np.save(tmp_path / f"{name}.npy", values.astype(np.float32))
    words = ("--a", tmp_path / "a.npy", "--b", tmp_path / "b.npy", "--output", tmp_path / "c.npy")
    assert command(monkeypatch, "host", port, *words) == 0
    assert "product (3, 6): 0 mismatches" in capsys.readouterr().out
    a, b = (quantize(x.astype(np.float32), MXSF, (4, 4)) for x in MATRICES)
    np.testing.assert_array_equal(np.load(tmp_path / "c.npy"), matmul(a, b))


class Flipped:
    """A serial port on which one bit of the words of the first row falls over."""

    def __init__(self, line):
        self.line, self.flips = line, True

    @property
    def timeout(self):
        return self.line.timeout

    @timeout.setter
    def timeout(self, seconds):
        self.line.timeout = seconds

    def write(self, data):
        return self.line.write(data)

    def read(self, size):
        data = bytearray(self.line.read(size))
        if self.flips and size == 17 and data:
            data[2] ^= 1
            self.flips = False
        return bytes(data)


@needs_gcc
def test_host_sees_a_wrong_bit(port):
    with open_line(port, BAUD) as line:
        host = Host(Flipped(line))
        product = host.multiply(MATRICES[0][:, :8], MATRICES[1][:8, :4])
        assert product.mismatches == 1
        assert host.multiply(MATRICES[0][:, :8], MATRICES[1][:8, :4]).mismatches == 0
        with pytest.raises(ValueError, match=r"must be \(M, K\) and \(K, N\), not \(3, 18\)"):
            host.multiply(MATRICES[0], MATRICES[0])


@needs_gcc
def test_host_frees_a_board_that_waits(port, monkeypatch):
    """Somebody has gone away in the middle of a message, which swallows the first question."""
    monkeypatch.setattr("mxsf.flow.board.host._LONGEST", 60)
    with open_line(port, BAUD) as line:
        Host(line)
        line.write(bytes([Request.START, 1, 2, 3]))
        assert Host(line).info.tile == 4


class Script:
    """A serial port that says what it was told to, whatever it hears."""

    def __init__(self, *replies):
        self.replies, self.timeout = list(replies), 0.0

    def write(self, data):
        pass

    def read(self, size=1):
        if size == 4096 or not self.replies:
            return b""
        return self.replies.pop(0)


INFO = bytes([Reply.INFO])


@pytest.mark.parametrize(
    ("replies", "message"),
    [
        ([], "the board does not answer"),
        ([b"xyz", b"xyz"], "the board does not answer"),
        ([INFO + Info(2, True, 4, 1, 4, 1, "mxsf").pack()], "speaks version 2, not 1"),
        ([INFO + Info(1, True, 4, 1, 4, 1, "mxsf").pack()], "sent 0 of 11 bytes"),
        ([INFO + Info(1, True, 4, 1, 4, 1, "mxsf").pack(), b"r" * 11], "kind 114, not 115"),
    ],
)
def test_host_errors(replies, message):
    with pytest.raises(HostError, match=message):
        Host(Script(*replies)).self_test()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["/dev/nosuch"], "could not open port /dev/nosuch"),
        (["/dev/null", "--output", "c.npy"], "--output c.npy has no effect without --a and --b"),
    ],
)
def test_host_bad_use(monkeypatch, capsys, words, message):
    assert command(monkeypatch, "host", *words) == 2
    assert message in capsys.readouterr().err


# Boards and bitstreams.


def test_list(monkeypatch, capsys):
    assert command(monkeypatch, "board", "--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.split()[:2] == ["ulx3s_85f", "LFE5U-85F"] for line in lines)
    assert any(line.split()[:2] == ["icebreaker", "iCE40UP5K"] for line in lines)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch"], "unknown board 'nosuch': use blackice,"),
        ([], "which board? mxsf board --list names them"),
        (["icebreaker", "--list"], "the board icebreaker has no effect beside --list"),
        (["icebreaker", "--seeds", "0"], "seeds must be 1 to 100, not 0"),
        (["icebreaker", "--baud", "9999999"], "baud 9999999 cannot be made from a clock of 12 MHz"),
        (["icebreaker", "--baud", "0"], "baud must be 1 to 100000000, not 0"),
        (["ulx3s_85f", "--pes", "3"], "pes must be a power of two, 1 to 64, not 3"),
        (["ulx3s_85f", "--element", "mxfp"], "mxfp"),
    ],
)
def test_board_bad_use(monkeypatch, capsys, words, message):
    assert command(monkeypatch, "board", *words) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


def test_missing_packages_say_what_to_install(monkeypatch):
    for module, call, extra in (
        (boards_module, boards, "boards"),
        (host_module, lambda: open_line("/dev/null", BAUD), "host"),
    ):
        monkeypatch.setattr(module, "find_spec", lambda name: None)
        with pytest.raises(RuntimeError, match=rf"pip install 'mxsf\[{extra}\]'"):
            call()


@pytest.mark.parametrize("name", ["icebreaker", "ulx3s_85f", "colorlight_5a75b_r70", "icesugar"])
def test_plan(name):
    """Pins and tools are those of the platform; lights where there are any."""
    kind = find_board(name)
    work = plan(kind, netlist(make(**ROWS), "top"), "dsp")
    tools = {"ecp5": ("yosys", "nextpnr-ecp5", "ecppack"),
             "ice40": ("yosys", "nextpnr-ice40", "icepack")}  # fmt: skip
    assert tuple(line[0] for line in work.commands) == tools[kind.family]
    pins = work.files[f"{name}.lpf" if kind.family == "ecp5" else f"{name}.pcf"].decode()
    assert "uart_0__tx__io" in pins
    if name == "icebreaker":
        assert re.search(r"set_io led_g_0__io 37", pins)
        assert re.search(r"set_io led_r_0__io 11", pins)
        assert "-dsp -device u" in work.files["icebreaker.ys"].decode()
    if name == "ulx3s_85f":
        assert 'LOCATE COMP "led_0__io" SITE "B2"' in pins
    if name == "colorlight_5a75b_r70":
        assert "led" not in pins  # the serial line has the pin


@pytest.mark.parametrize(
    ("clock", "baud", "cycles"), [(12_000_000, 115_200, 104), (25_000_000, 3_000_000, 8)]
)
def test_divisor(clock, baud, cycles):
    if cycles == 8:
        with pytest.raises(ValueError, match="baud 3000000"):
            divisor(clock, baud)
    else:
        assert divisor(clock, baud) == cycles


def read_row(folder, name):
    (path,) = folder.glob(f"{name}_*.json")
    return json.loads(path.read_text())


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "options", "suffix", "start"),
    [
        ("icebreaker", [], "bin", b"\xff\x00\x00\xff~\xaa\x99~"),
        ("ulx3s_85f", ["--tile", "4", "--depth", "16"], "bit", b"\xff\x00"),
    ],
)
def test_bitstream(monkeypatch, capsys, tmp_path, name, options, suffix, start):
    assert command(monkeypatch, "board", name, *options, "--output", tmp_path) == 0
    row = read_row(tmp_path, name)
    assert row["board"] == name
    assert row["fmax_mhz"] * 1e6 >= row["clock_hz"]
    assert row["parameters"]["pes"] == 1
    used = {kind: count["used"] for kind, count in row["utilisation"].items()}
    assert used.get("ICESTORM_DSP", used.get("MULT18X18D", 0)) >= 4
    engine = Matmul(tile=4, pes=1, depth=16, requantize=row["parameters"]["requantize"] == "yes")
    assert row["self_test"]["crc"] == f"{self_test(engine).crc(machine(engine)):08x}"
    (path,) = tmp_path.glob(f"*.{suffix}")
    assert path.read_bytes().startswith(start)


@pytest.mark.long
def test_a_board_that_is_too_small(monkeypatch, capsys, tmp_path):
    assert command(monkeypatch, "board", "icestick", "--output", tmp_path / "new") == 2
    assert "error: icestick: YoWASP nextpnr-ice40 failed: ERROR" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_too_slow_is_no_bitstream(monkeypatch, capsys, tmp_path):
    kind = find_board("icebreaker")
    slow = Bitstream(
        kind, variant("matmul"), 12_000_000, BAUD, 1, 2, {1: 9.0, 2: 11.5}, {"LC": (1, 2)}, b"x"
    )
    monkeypatch.setattr("mxsf.flow.cli.board.build", lambda *_, **__: slow)
    assert command(monkeypatch, "board", "icebreaker", "--output", tmp_path) == 1
    assert "no bitstream, 11.5 MHz are below the clock of 12 MHz" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    good = replace(slow, runs={1: 13.0, 2: 14.0})
    monkeypatch.setattr("mxsf.flow.cli.board.build", lambda *_, **__: good)
    assert command(monkeypatch, "board", "icebreaker", "--output", tmp_path, "--require", 20) == 1
    assert "13.0 MHz, below the 20 MHz that are required" in capsys.readouterr().err
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".bin", ".json"]
