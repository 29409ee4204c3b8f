"""A board in simulation: its top from reset, and whoever is at the other end of its UART."""

from collections.abc import Callable
from typing import NamedTuple

from ...golden.engine.protocol import Report
from ...hdl.board.board import Board
from ..simulator.simulator import Pins, Simulator
from .uart import LineReader, LineWriter

__all__ = ["Lights", "exchange", "serve"]

_REPORT = 1 + len(Report(False, 0, 0, 0).pack())


class Lights(NamedTuple):
    """What a board shows, and the cycles from reset until then."""

    running: bool
    passed: bool
    failed: bool
    cycles: int


def serve(
    simulator: Simulator,
    board: Board,
    receive: Callable[[], bytes | None],
    send: Callable[[bytes], None],
) -> Lights:
    """Run a board from reset, its serial lines in the hands of the caller.

    Args:
        simulator: built on the board.
        board: the board.
        receive: called once in the time of a byte: what the host sends now; None ends the run.
        send: called with what the board has sent.
    """
    divisor = board.receiver.divisor
    ended = Lights(False, False, False, 0)

    async def testbench(pins: Pins) -> None:
        nonlocal ended
        writer, reader, cycles = LineWriter(divisor), LineReader(divisor), 0
        while (data := receive()) is not None:
            writer.send(data)
            for _ in range(10 * divisor):
                pins.set("rx", writer.step())
                reader.step(pins.get("tx"))
                await pins.tick()
                cycles += 1
            if sent := reader.take():
                send(sent)
        ended = Lights(
            running=bool(pins.get("running")),
            passed=bool(pins.get("passed")),
            failed=bool(pins.get("failed")),
            cycles=cycles,
        )

    simulator.run(testbench)
    return ended


def exchange(
    simulator: Simulator, board: Board, requests: bytes, replies: int, *, limit: int = 100_000
) -> tuple[Report, bytes, Lights]:
    """Run a board: the self-test after reset, then some requests.

    Args:
        simulator: built on the board.
        board: the board.
        requests: what the host sends when the report of the self-test is there.
        replies: bytes to wait for after that.
        limit: cycles after which to give up.

    Returns:
        The report after reset, the bytes after it, and what the board shows.

    Raises:
        RuntimeError: fewer bytes came.
    """
    received, wanted = bytearray(), _REPORT + replies
    sent, times = False, limit // (10 * board.receiver.divisor)

    def receive() -> bytes | None:
        nonlocal sent, times
        times -= 1
        if times < 0 or len(received) >= wanted:
            return None
        if sent or len(received) < _REPORT:
            return b""
        sent = True
        return requests

    lights = serve(simulator, board, receive, received.extend)
    if len(received) < wanted:
        raise RuntimeError(f"the board sent {len(received)} of {wanted} bytes in {limit} cycles")
    return Report.unpack(bytes(received[1:_REPORT])), bytes(received[_REPORT:]), lights
