"""What goes beside the Verilog into somebody's design.

An instantiation template, a package of its numbers and payloads, checkers of its streams,
constraints of its clock, waivers for lint. Templates, packages and checkers of several designs go
together: all names begin with the module's.
"""

from pathlib import Path
from typing import Any

from ...golden.files import write_whole
from ..catalogue.module_name import KEYWORDS
from ..catalogue.variant import Variant
from .checker import checker_files
from .constants import constants
from .manifest import fields_by_place, manifest, said_of_tkeep
from .render import render

__all__ = ["extras", "waivers", "write_extras"]

_OUTSIDE = 0.3  # share of the period that the suggested I/O delays leave to the logic outside


def extras(variant: Variant, period: float = 10) -> dict[str, str]:
    """Text of the files that go beside the Verilog, by name.

    ``<top>_inst.vh``, an instantiation template; ``<top>_pkg.sv``, constants, and packed structs of
    the payloads where the design has streams; ``<top>_checker.sv`` and ``<top>_bind.sv``, the rules
    of its streams (``mxsf.flow.export.checker``); ``<top>.sdc`` and ``<top>.xdc``, its clock, where
    it has one; ``<top>.vlt``, waivers for Verilator.

    Args:
        variant: the design.
        period: of the clock, in ns.
    """
    facts = manifest(variant)
    top, clock, structs = variant.top, variant.clock, _structs(facts)
    texts = {
        f"{top}_inst.vh": render("inst.vh", top=top, clock=clock, ports=_declarations(facts)),
        f"{top}.vlt": waivers(variant),
        f"{top}_pkg.sv": render(
            "pkg.sv",
            top=top,
            constants=constants(variant, facts),
            structs=structs,
            example=next((struct for struct in reversed(structs) if struct["port"]), None),
            tkeep=said_of_tkeep(facts),
        ),
        **checker_files(variant),
    }
    if clock is not None:
        ways = {name: port["direction"] for name, port in facts["ports"].items()}
        for kind in ("sdc", "xdc"):
            texts[f"{top}.{kind}"] = render(
                f"constraints.{kind}",
                top=top,
                clock=clock,
                period=f"{period:g}",
                share=f"{_OUTSIDE * period:g}",
                inputs=[name for name in ways if ways[name] == "in" and name != clock.clock],
                outputs=[name for name in ways if ways[name] == "out"],
            )
    return texts


def waivers(variant: Variant) -> str:
    """Text of the waivers for Verilator."""
    return render("waivers.vlt", top=variant.top)


def write_extras(variant: Variant, folder: Path, period: float = 10) -> list[Path]:
    """Write the files of ``extras`` into a folder, each whole or not at all."""
    paths = []
    for name, text in extras(variant, period).items():
        paths.append(folder / name)
        write_whole(paths[-1], text)
    return paths


def _declarations(facts: dict[str, Any]) -> list[dict[str, str]]:
    """Name, range and comment of each port."""
    fields = {
        (stream, field["name"]): field
        for stream, payload in facts["payloads"].items()
        for field in payload
    }
    declared = []
    for name, port in facts["ports"].items():
        comment, width = port["direction"], port["width"]
        field = fields.get((port.get("stream"), port.get("field")))
        if field and field["length"] > 1:
            comment += f", {field['length']} items of {field['width']} bits, item 0 the lowest"
        elif port.get("role") in ("payload", "tdata", "tuser") and not field:
            comment += f", fields: {facts['top']}_pkg.sv"
        elif port.get("role") == "tkeep":
            comment += f", a bit for each byte: {{{width}{{1'b1}}}} where every beat is whole"
        scope = f"[{width - 1}:0] " if width > 1 else ""
        declared.append({"name": name, "range": scope, "comment": comment})
    return declared


def _structs(facts: dict[str, Any]) -> list[dict[str, Any]]:
    """Structs of all payloads, inner ones first: port, name, members from the highest.

    A port is there where it has this payload whole. On AXI each of tdata and tuser is a payload,
    with its padding.
    """
    ports = facts["ports"]
    payloads = {
        place: _padded(fields, ports[place]["width"]) if place in ports else fields
        for place, fields in fields_by_place(facts).items()
        if ports.get(place, {}).get("role") != "tlast"
    }
    structs: list[dict[str, Any]] = []

    def add(stream: str, name: str, fields: list[dict[str, Any]], path: str = "") -> str:
        members: dict[str, dict[str, str]] = {}
        for field in reversed(fields):
            head, dot, _ = field["name"].removeprefix(path).partition(".")
            if not dot:
                members[head] = {"type": _type(field), "comment": _bits(field)}
            elif head not in members:
                inner = [p for p in fields if p["name"].startswith(f"{path}{head}.")]
                kind = add(stream, f"{name}_{head}", inner, f"{path}{head}.")
                members[head] = {"type": kind, "comment": ""}
        listed = [{"name": _member(n), **member} for n, member in members.items()]
        port = next((p for p in (stream, f"{stream}__payload") if p in ports), None)
        kind = f"{facts['top']}_{name}_t"
        structs.append({"port": port, "name": kind, "members": listed})
        return kind

    for stream, fields in payloads.items():
        add(stream, stream, fields)
    return structs


def _padded(fields: list[dict[str, Any]], width: int) -> list[dict[str, Any]]:
    """Fields of a port, dots in their names replaced, and what lies between them."""
    filled, end = [], 0
    for field in [*fields, {"name": "", "offset": width, "width": 0, "length": 1}]:
        if gap := field["offset"] - end:
            pad = {"name": f"pad_{end}", "offset": end, "width": gap, "length": 1, "signed": False}
            filled.append(pad)
        end = field["offset"] + field["width"] * field["length"]
        filled.append(field | {"name": field["name"].replace(".", "_")})
    return filled[:-1]


def _type(field: dict[str, Any]) -> str:
    """Packed type of a field."""
    sign = " signed" if field["signed"] else ""
    items = f"[{field['length'] - 1}:0]" if field["length"] > 1 else ""
    width = f"[{field['width'] - 1}:0]" if field["width"] > 1 or items else ""
    space = " " if items or width else ""
    return f"logic{sign}{space}{items}{width}"


def _bits(field: dict[str, Any]) -> str:
    high = field["offset"] + field["width"] * field["length"] - 1
    return f" // [{high}]" if high == field["offset"] else f" // [{high}:{field['offset']}]"


def _member(name: str) -> str:
    """Name of a field in SystemVerilog: a keyword gets an underscore behind it."""
    return f"{name}_" if name in KEYWORDS else name
