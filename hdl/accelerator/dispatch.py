"""Dispatch: gives checked descriptors to the parts, in order, each when what it needs is free."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ...golden.accelerator.configuration import Configuration
from ...golden.accelerator.fault import Fault
from ...golden.accelerator.fields import Init, Opcode
from ..engine.sequencer import product_layout
from .descriptor import FAULT_BITS, fields_of, job_layout
from .loader import load_layout
from .planes import plane_layout
from .view import view_layout

__all__ = ["Dispatch", "finish_layout"]


def finish_layout() -> data.StructLayout:
    """Fields of what happens to the rows of a product, and how many tiles it has."""
    flags = ("masked", "relu", "negate", "to_words", "to_tiles", "stochastic")
    return data.StructLayout({**dict.fromkeys(flags, 1), "shift": 8, "tiles": 32})


class Dispatch(wiring.Component):
    """Jobs to loads, products and their planes; fences; ends.

    A product is announced to the readers and writers of its planes as soon as all before it has
    started, to each when it is free, so that its first words and masks are there when its steps
    begin.

    Args:
        built: what the accelerator is.

    Members:
        i: In, stream of jobs.
        load_a, load_b: Out, streams of loads. load_a_busy, load_b_busy: In.
        init, mask, words, codes, scales: Out, streams of walks through planes of C.
        finish: Out, stream of what happens to the rows of a product.
        product: Out, ``product_layout``. start: Out, take it. product_busy: In, steps are to come.
        quiet: In, nothing of what was given is under way.
        done: Out, a descriptor has started.
        ends: Out, the job at the head is an END or has a fault, and all before it is done.
        fault, irq, address: Out, of that job.
        stalled_load, stalled_fence: Out, a product waits for loads only; a job for all before it.
    """

    i: stream.Interface

    def __init__(self, built: Configuration):
        self.built = built
        load = stream.Signature(load_layout(built))
        plane = stream.Signature(plane_layout(built))
        head = stream.Signature(plane_layout(built, heads=True))
        flags_in = ("load_a_busy", "load_b_busy", "product_busy", "quiet")
        flags_out = ("start", "done", "ends", "irq", "stalled_load", "stalled_fence")
        super().__init__(
            {
                "i": In(stream.Signature(job_layout(built.address))),
                **{"load_a": Out(load), "load_b": Out(load)},
                **{"init": Out(head), "mask": Out(plane)},
                **{name: Out(plane) for name in ("words", "codes", "scales")},
                "finish": Out(stream.Signature(finish_layout())),
                "product": Out(product_layout(built.depth)),
                **{name: In(1) for name in flags_in},
                **{name: Out(1) for name in flags_out},
                "fault": Out(FAULT_BITS),
                "address": Out(built.address),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        """What each kind of job waits for."""
        m = Module()
        job: Any = self.i.payload
        load = fields_of(job.bits, Opcode.LOAD_A)
        product = fields_of(job.bits, Opcode.MULTIPLY)
        right, fences, ends = Signal(), Signal(), Signal()
        opcode = load["opcode"]
        m.d.comb += [
            right.eq(self.i.valid & (job.fault == Fault.NONE)),
            fences.eq(right & (opcode == Opcode.FENCE)),
            ends.eq(self.i.valid & ((job.fault != Fault.NONE) | (opcode == Opcode.END))),
            self.ends.eq(ends & self.quiet),
            self.stalled_fence.eq((fences | ends) & ~self.quiet),
            self.fault.eq(job.fault),
            self.irq.eq((job.fault != Fault.NONE) | fields_of(job.bits, Opcode.END)["irq"]),
            self.address.eq(job.address),
        ]
        loads = self._loads(m, right, load)
        starts = self._products(m, right & (opcode == Opcode.MULTIPLY), product)
        done = loads | starts | (fences & self.quiet)
        m.d.comb += [self.done.eq(done), self.i.ready.eq(done)]
        return m

    def _loads(self, m: Module, right: Value, load: Mapping[str, Any]) -> Value:
        """Loads; returns whether one starts."""
        job: Any = self.i.payload
        starts = Signal(2, name="load_starts")
        free = load["free"] | ~self.product_busy
        for number, (name, opcode) in enumerate((("a", Opcode.LOAD_A), ("b", Opcode.LOAD_B))):
            target: Any = getattr(self, f"load_{name}")
            into = target.payload
            m.d.comb += [
                target.valid.eq(right & (load["opcode"] == opcode) & free),
                starts[number].eq(target.valid & target.ready),
                *(into[field].eq(load[field]) for field, _ in view_layout()),
                into.codes.eq(job.starts.codes),
                into.scales.eq(job.starts.scales),
                into.tiles.eq(job.tiles),
                into.base.eq(load["base"]),
            ]
        return starts.any()

    def _products(self, m: Module, multiplies: Value, product: Mapping[str, Any]) -> Value:
        """Products, announced and started; returns whether one is wholly under way."""
        job: Any = self.i.payload
        used = {
            "init": product["init"] != Init.ZERO,
            "mask": product["mask"],
            "words": product["to_words"],
            "codes": product["to_tiles"],
            "scales": product["to_tiles"],
            "finish": 1,
        }
        # Who was told, and at last whether its steps have begun.
        told, tells = Signal(len(used) + 1), Signal(len(used) + 1)
        for number, (name, wanted) in enumerate(used.items()):
            target = getattr(self, name)
            m.d.comb += [
                target.valid.eq(multiplies & wanted & ~told[number]),
                tells[number].eq(multiplies & (target.ready | ~wanted)),
            ]
        rows = product["init"] == Init.ROW
        for name in ("init", "mask", "words", "codes", "scales"):
            into: Any = getattr(self, name).payload
            fixed = rows if name == "init" else 0
            m.d.comb += [
                into.rows.eq(product["m"]),
                into.columns.eq(product["n"]),
                into.run.eq(product["c_run"]),
                into.pitch.eq(Mux(fixed, 0, product["c_pitch"])),
                into.jump.eq(Mux(fixed, 0, product["c_jump"])),
                into.start.eq(job.starts[name]),
                into.tiles.eq(job.tiles),
            ]
        finish: Any = self.finish.payload
        flags = ("relu", "negate", "to_words", "to_tiles", "stochastic", "shift")
        m.d.comb += [
            self.init.payload.head.eq(rows),
            finish.masked.eq(product["mask"]),
            *(finish[name].eq(product[name]) for name in flags),
            finish.tiles.eq(job.tiles),
        ]
        self._operands(m, product)
        idle, loading = Signal(name="product_idle"), self.load_a_busy | self.load_b_busy
        done = Signal(name="product_done")
        m.d.comb += [
            idle.eq(multiplies & ~told[-1] & ~self.product_busy),
            self.start.eq(idle & ~loading),
            self.stalled_load.eq(idle & loading),
            tells[-1].eq(self.start),
            done.eq((told | tells).all()),
        ]
        m.d.sync += told.eq(Mux(done, 0, told | tells))
        return done

    def _operands(self, m: Module, product: Mapping[str, Any]) -> None:
        """Where the tiles of op(A) and op(B) lie: views of the stored matrices, perhaps turned."""
        into: Any = self.product
        job: Any = self.i.payload
        m.d.comb += [
            *(into[name].eq(product[name]) for name in ("n", "k", "a_base", "b_base")),
            *(into[f"{side}_transposed"].eq(product[f"{side}_transposed"]) for side in "ab"),
            into.accumulate.eq(product["init"] != Init.ZERO),
            into.tiles.eq(job.tiles),
        ]
        for side, rows, columns in (("a", "a_m", "a_k"), ("b", "b_k", "b_n")):
            run, crun = product[f"{side}_run"], product[f"{side}_crun"]
            down = {"pitch": product[f"{side}_pitch"], "run": run, "jump": product[f"{side}_jump"]}
            along = {"pitch": 1, "run": crun, "jump": product[f"{side}_cjump"]}
            turned = product[f"{side}_transposed"]
            for field in down:
                m.d.comb += [
                    into[rows][field].eq(Mux(turned, along[field], down[field])),
                    into[columns][field].eq(Mux(turned, down[field], along[field])),
                ]
