"""The accelerator with clock and reset as AXI names them."""

from ..interface.axi import AXI_CLOCKING
from ..interface.flat import LinkedShell
from ..interface.link import plain_links
from ..interface.shell import Clocking
from .accelerator import Accelerator

__all__ = ["AxiAccelerator"]


class AxiAccelerator(LinkedShell):
    """An accelerator whose ports are its own, with ``aclk`` and ``aresetn``.

    Args:
        core: the accelerator.
        name: name of its instance and module.
        clocking: clock and reset.
        keep: has no effect: there are no AXI4-Streams.

    Attributes:
        registers: the description of the registers.
    """

    def __init__(
        self, core: Accelerator, name: str, clocking: Clocking = AXI_CLOCKING, *, keep: bool = True
    ):
        del keep
        super().__init__(core, name, plain_links(core), clocking)
        self.registers = core.registers
