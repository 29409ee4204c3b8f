"""Links: which bits of a design's port a port of its shell is."""

from typing import Any, NamedTuple

from ..ports import port_signals

__all__ = ["Link", "plain_links"]


class Link(NamedTuple):
    """Which bits of a design's port a port of its shell is.

    Attributes:
        port: Verilog name of the design's port.
        offset: lowest bit.
        width: bits.
        whole: whether these are all bits of the design's port.
        field: name of the payload's field, for example ``a.codes``; empty for other ports.
    """

    port: str
    offset: int
    width: int
    whole: bool
    field: str = ""


def plain_links(core: Any) -> dict[str, Link]:
    """Link the design's own ports, as they are."""
    return {
        name: Link(name, 0, len(signal), True) for name, (signal, _) in port_signals(core).items()
    }
