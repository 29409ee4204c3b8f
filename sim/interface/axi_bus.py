"""The pins of an AXI4 manager: outputs read once a cycle, inputs set where they change."""

from random import Random
from typing import NamedTuple

from ..simulator.simulator import Pins

__all__ = ["OUTPUTS", "BusCycle", "BusPins"]

OUTPUTS = (
    *("arvalid", "araddr", "arlen", "awvalid", "awaddr", "awlen"),
    *("wvalid", "wdata", "wstrb", "wlast", "rready", "bready"),
)
"""Outputs that change."""


class BusCycle(NamedTuple):
    """The bus in one cycle: payloads of channels that are valid, None of others, and readies.

    Attributes:
        ar: address and AxLEN.
        ar_ready: and so on: False where the channel is not valid and the ready is an output.
        aw: as ``ar``.
        w: data, strobes, last.
        r: data, response, last.
        b: response, alone.
    """

    ar: tuple[int, int] | None
    ar_ready: bool
    aw: tuple[int, int] | None
    aw_ready: bool
    w: tuple[int, int, int] | None
    w_ready: bool
    r: tuple[int, int, int] | None
    r_ready: bool
    b: tuple[int] | None
    b_ready: bool


class BusPins:
    """Pins of a manager as its subordinate sees them; idle inputs carry noise.

    Args:
        pins: the design, with the ports of ``mxsf.hdl.accelerator.ports.manager_ports``.
        bus: data bits.
        prefix: of the ports.
        random: of the noise.
    """

    def __init__(self, pins: Pins, bus: int, prefix: str, random: Random):
        self.pins, self._random = pins, random
        self._noise = {"r": {"rdata": bus, "rresp": 2, "rlast": 1}, "b": {"bresp": 2}}
        inputs = ("arready", "awready", "wready", "rvalid", "bvalid", *_R, *_B)
        self._port = {name: prefix + name for name in (*OUTPUTS, *inputs)}
        self._driven: dict[str, int] = {}

    def exchange(
        self,
        ready: tuple[bool, bool, bool],
        r: tuple[int, int, int] | None,
        b: tuple[int] | None,
    ) -> BusCycle:
        """Set the inputs of a cycle, then read the outputs.

        Args:
            ready: of ``ar``, ``aw``, ``w``.
            r: data, response and last of the beat on offer.
            b: the response on offer.
        """
        for name, value in zip(("arready", "awready", "wready"), ready, strict=True):
            self._set(name, value)
        self._offer("r", _R, r)
        self._offer("b", _B, b)
        get, port = self.pins.get, self._port
        ar = aw = w = None
        if get(port["arvalid"]):
            ar = get(port["araddr"]), get(port["arlen"])
        if get(port["awvalid"]):
            aw = get(port["awaddr"]), get(port["awlen"])
        if get(port["wvalid"]):
            w = get(port["wdata"]), get(port["wstrb"]), get(port["wlast"])
        r_ready = r is not None and bool(get(port["rready"]))
        b_ready = b is not None and bool(get(port["bready"]))
        return BusCycle(ar, ready[0], aw, ready[1], w, ready[2], r, r_ready, b, b_ready)

    def _offer(self, channel: str, ports: tuple[str, ...], payload: tuple[int, ...] | None) -> None:
        if payload is not None:
            self._set(f"{channel}valid", 1)
            for name, value in zip(ports, payload, strict=True):
                self._set(name, value)
        elif self._driven.get(f"{channel}valid", 1):
            self._set(f"{channel}valid", 0)
            for name, bits in self._noise[channel].items():
                self._set(name, self._random.getrandbits(bits))

    def _set(self, name: str, value: int) -> None:
        if self._driven.get(name) != value:
            self._driven[name] = value
            self.pins.set(self._port[name], int(value))


_R = ("rdata", "rresp", "rlast")
_B = ("bresp",)
