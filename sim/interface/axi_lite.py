"""A host on AXI4-Lite: reads and writes registers, its answers held against their description."""

from collections.abc import Awaitable, Callable, Sequence
from random import Random

from ...hdl.interface.axi_lite import CHANNELS, OKAY, SLVERR, lite_ports
from ...hdl.register_map import ADDRESS_BITS, Access, Register
from ..result import Result
from .handshake import Beat, Channel, Handshakes

__all__ = ["Host", "lite_channels"]

Step = Callable[[], Awaitable[dict[str, Beat]]]

_PATIENCE = 10_000  # cycles


def lite_channels() -> list[Channel]:
    """Channels of the AXI4-Lite interface ``s_axi``."""
    channels = []
    for name in CHANNELS:
        ports = {role: p for p, (c, role, _) in lite_ports().items() if c == name}
        valid, ready = ports.pop("valid"), ports.pop("ready")
        inwards = lite_ports()[valid][2]
        channels.append(Channel(name, valid, ready, tuple(ports.values()), inwards))
    return channels


class Host:
    """Reads and writes registers, one at a time, and knows what each must answer.

    Args:
        registers: the description.
        bus: the channels.
        step: runs a cycle of the bus and returns what was transferred.
        result: gets what was wrong.

    Raises:
        RuntimeError: an access is never answered.
    """

    def __init__(self, registers: Sequence[Register], bus: Handshakes, step: Step, result: Result):
        self.registers = {register.name: register for register in registers}
        self._bus, self._step, self._result = bus, step, result
        self.written = dict.fromkeys(self._named(Access.WRITE), 0)

    def _named(self, access: Access) -> list[str]:
        """Names of the registers of an access."""
        return [name for name, register in self.registers.items() if register.access is access]

    async def write_at(self, address: int, value: int, strobes: int = 0b1111) -> int:
        """Write to an address; returns the response."""
        bus = self._bus
        bus.queues["aw"].append({"s_axi_awaddr": address, "s_axi_awprot": 0})
        bus.queues["w"].append({"s_axi_wdata": value, "s_axi_wstrb": strobes})
        answer = await self._answer("b", {"aw", "w"})
        return answer["s_axi_bresp"]

    async def read_at(self, address: int) -> tuple[int, int]:
        """Read from an address; returns the data and the response."""
        self._bus.queues["ar"].append({"s_axi_araddr": address, "s_axi_arprot": 0})
        answer = await self._answer("r", {"ar"})
        return answer["s_axi_rdata"], answer["s_axi_rresp"]

    async def _answer(self, channel: str, asked: set[str]) -> Beat:
        """Step until a channel answers, which may only be after all that it answers to."""
        waiting = set(asked)
        for _ in range(_PATIENCE):
            moved = await self._step()
            if channel in moved:
                if waiting:
                    self._result.note(f"{channel} answers before {', '.join(sorted(waiting))}")
                return moved[channel]
            for other in {"b", "r"} & moved.keys():
                self._result.note(f"{other} answers unasked")
            waiting -= moved.keys()
        raise RuntimeError(f"{channel} never answers")

    async def write(self, name: str, value: int, strobes: int = 0b1111) -> bool:
        """Write a register; returns whether it was done, which only one that acts may refuse."""
        register = self.registers[name]
        response = await self.write_at(register.offset, value, strobes)
        if register.access is Access.WRITE:
            mask = sum(0xFF << 8 * k for k in range(4) if strobes >> k & 1)
            self.written[name] = (self.written[name] & ~mask | value & mask) & register.mask
        if register.access is not Access.ACT:
            fixed = register.access is Access.READ
            self._result.compare(f"write of {name}", response, SLVERR if fixed else OKAY)
        return response == OKAY

    async def read(self, name: str) -> int:
        """Read a register; what is known of it is compared."""
        register = self.registers[name]
        value, response = await self.read_at(register.offset)
        self._result.compare(f"response of {name}", response, OKAY)
        self._result.compare(f"bits of {name} beyond its fields", value & ~register.mask, 0)
        known = 0 if register.access is Access.ACT else register.constant
        known = self.written.get(name, known)
        if known is not None:
            self._result.compare(name, value, known)
        return value

    async def disturb(self, random: Random) -> None:
        """One random access that must change nothing that matters: bad, read-only, by bytes."""
        listed = {register.offset // 4 for register in self.registers.values()}
        match random.randrange(4):
            case 0:
                bad = random.choice([n for n in range(1 << ADDRESS_BITS - 2) if n not in listed])
                address = 4 * bad + random.randrange(4)
                self._result.compare(
                    f"write at {address:#x}", await self.write_at(address, 0xFFFFFFFF), SLVERR
                )
                self._result.compare(
                    f"read at {address:#x}", (await self.read_at(address))[1], SLVERR
                )
            case 1:
                fixed = self._named(Access.READ)
                await self.write(random.choice(fixed), random.getrandbits(32))
            case 2:
                name = random.choice([n for n in self.written if n != "control"])
                await self.write(name, random.getrandbits(32), random.getrandbits(4))
                await self.read(name)
            case _:
                await self.read(random.choice(list(self.registers)))
