"""Shells whose ports are pieces of the design's ports: all as they are, or a port for each field.

``flat`` ports are named ``<stream>_<field>``, with ``a.codes`` of stream ``i`` as ``i_a_codes``;
``i__valid`` becomes ``i_valid``. Element 0 of an array is the least significant.
"""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from ..ports import fields, port_signals, stream_names
from .link import Link, plain_links
from .shell import PLAIN, Clocking, Shell

__all__ = ["LinkedShell", "flat_links"]


def flat_links(core: Any) -> dict[str, Link]:
    """Link a port for each field of each payload, and the other ports by plain names.

    Raises:
        ValueError: two ports would have the same name.
    """
    links: dict[str, Link] = {}
    layouts = {
        f"{name}__payload": getattr(core, name).payload.shape() for name in stream_names(core)
    }
    for port, whole in plain_links(core).items():
        stem = port.removesuffix("__payload")
        if port in layouts:
            pieces = {
                f"{stem}_{f.name.replace('.', '_')}": Link(
                    port, f.offset, f.bits, f.bits == whole.width, f.name
                )
                for f in fields(layouts[port])
            }
        else:
            pieces = {port.replace("__", "_"): whole}
        for name, link in pieces.items():
            if name in links:
                raise ValueError(f"flat ports: {name!r} would be both {links[name]} and {link}")
            links[name] = link
    return links


class LinkedShell(Shell):
    """A design whose ports are cut and renamed.

    For clock and reset see ``Shell``.

    Args:
        core: the design.
        name: name of the core's instance and module.
        links: for each port of the shell what it is.
        clocking: clock and reset.
    """

    transparent = True

    def __init__(self, core: Any, name: str, links: Mapping[str, Link], clocking: Clocking = PLAIN):
        self.links = links
        self._ports = port_signals(core)
        members = {
            port: (In if self._ports[link.port][1] else Out)(link.width)
            for port, link in links.items()
        }
        super().__init__(core, name, members, clocking)

    def connect(self, m: Module) -> None:
        """Wire every port to its bits."""
        for port, link in self.links.items():
            signal, is_input = self._ports[link.port]
            outer, inner = getattr(self, port), signal[link.offset : link.offset + link.width]
            m.d.comb += inner.eq(outer) if is_input else outer.eq(inner)
