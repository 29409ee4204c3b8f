"""The first burst that the bus refused: its response and its address."""

from typing import Any

from amaranth.hdl import Module, Value

__all__ = ["keep_error"]


def keep_error(m: Module, component: Any, valid: Value, response: Value, address: Value) -> None:
    """Keep the first bad response of a component until it is told to ``clear``.

    Args:
        m: the module that gets it.
        component: has ``clear`` (In), ``error`` (Out(2), 0 for none) and ``error_address`` (Out).
        valid: a response is there in this cycle.
        response: of the bus; SLVERR and DECERR are bad.
        address: of its burst.
    """
    with m.If(component.clear):
        m.d.sync += component.error.eq(0)
    with m.Elif(valid & response[1] & (component.error == 0)):
        m.d.sync += [component.error.eq(response), component.error_address.eq(address)]
