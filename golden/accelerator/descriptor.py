"""Descriptors: the instructions of a program as values, and to and from their bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .fields import Init, Opcode, pack
from .view import View

__all__ = ["Descriptor", "End", "Fence", "Load", "Multiply", "Place", "decode", "encode"]


_PLAIN = View()


class Place(NamedTuple):
    """Where a plane begins: a byte offset from a base register."""

    register: int = 0
    offset: int = 0


_NOWHERE = Place()


@dataclass(frozen=True)
class Load:
    """Tiles of a plane into a tile memory.

    Tile (i, j) of the view goes to address ``(base + i * columns + j) mod depth``.

    Attributes:
        opcode: LOAD_A or LOAD_B.
        rows, columns: of tiles.
        codes, scales: planes.
        view: which tiles.
        base: first tile in the memory.
        free: does not wait for the product under way, which must not read these tiles.
    """

    opcode: Opcode
    rows: int
    columns: int
    codes: Place
    scales: Place
    view: View
    base: int = 0
    free: bool = False


@dataclass(frozen=True)
class Multiply:
    """C = epilogue(init + op(A) op(B)).

    Attributes:
        m, n, k: sizes in tiles.
        a_base, b_base: first tile of the stored matrices in the tile memories.
        a_view, b_view: of the *stored* matrices.
        a_transposed, b_transposed: whether op transposes, indices and tiles.
        c_view: of the planes of C; it has no runs of columns.
        init: where the sums start; init_at: that plane.
        shift, negate, relu: of the epilogue.
        mask: code plane of the mask, None for no mask.
        words: plane of the words, None where they do not leave.
        codes, scales: planes of the tiles, None where they do not leave.
        stochastic: whether tiles are rounded by random numbers.

    Raises:
        ValueError: codes without scales, or scales without codes.
    """

    m: int
    n: int
    k: int
    a_base: int = 0
    b_base: int = 0
    a_view: View = _PLAIN
    b_view: View = _PLAIN
    a_transposed: bool = False
    b_transposed: bool = False
    c_view: View = _PLAIN
    init: int = Init.ZERO
    init_at: Place = _NOWHERE
    shift: int = 0
    negate: bool = False
    relu: bool = False
    mask: Place | None = None
    words: Place | None = None
    codes: Place | None = None
    scales: Place | None = None
    stochastic: bool = False

    def __post_init__(self) -> None:
        if (self.codes is None) != (self.scales is None):
            raise ValueError(f"codes {self.codes} and scales {self.scales} leave together")


@dataclass(frozen=True)
class Fence:
    """What follows issues nothing until all reads and writes before are done."""


@dataclass(frozen=True)
class End:
    """Ends the program, when all reads and writes are done.

    Attributes:
        irq: whether it raises the interrupt.
    """

    irq: bool = True


Descriptor = Load | Multiply | Fence | End


def encode(descriptor: Descriptor) -> bytes:
    """Bytes of a descriptor: 64.

    Raises:
        ValueError: a field does not fit.

    >>> from mxsf.golden.accelerator.fields import unpack
    >>> decode(unpack(encode(End(irq=False))))
    End(irq=False)
    """
    match descriptor:
        case Load():
            return pack(_load(descriptor))
        case Multiply():
            return pack(_multiply(descriptor))
        case Fence():
            return pack({"opcode": Opcode.FENCE})
        case End():
            return pack({"opcode": Opcode.END, "irq": descriptor.irq})


def decode(values: Mapping[str, int]) -> Descriptor:
    """Build the descriptor of fields that ``unpack`` found."""
    place = {
        name: Place(values[register], values[offset])
        for name, (register, offset) in _PLACES.items()
        if register in values and offset in values
    }
    match values["opcode"]:
        case Opcode.FENCE:
            return Fence()
        case Opcode.END:
            return End(bool(values["irq"]))
        case Opcode.MULTIPLY:
            return Multiply(
                **{name: values[name] for name in ("m", "n", "k", "a_base", "b_base")},
                **{name: values[name] for name in ("init", "shift")},
                **{name: bool(values[name]) for name in _FLAGS},
                a_view=_view(values, "a_"),
                b_view=_view(values, "b_"),
                c_view=View(values["c_run"], values["c_pitch"], values["c_jump"]),
                init_at=place["init"],
                mask=place["mask"] if values["mask"] else None,
                words=place["words"] if values["to_words"] else None,
                codes=place["codes"] if values["to_tiles"] else None,
                scales=place["scales"] if values["to_tiles"] else None,
            )
        case opcode:
            return Load(
                Opcode(opcode),
                **{name: values[name] for name in ("rows", "columns", "base")},
                codes=place["codes"],
                scales=place["scales"],
                view=_view(values, ""),
                free=bool(values["free"]),
            )


_FLAGS = ("a_transposed", "b_transposed", "negate", "relu", "stochastic")
_PLACES = {
    "init": ("init_reg", "init_at"),
    "mask": ("mask_reg", "mask_at"),
    "words": ("words_reg", "words"),
    "codes": ("codes_reg", "codes"),
    "scales": ("scales_reg", "scales"),
}
_STEPS = ("run", "pitch", "jump", "crun", "cjump")


def _view(values: Mapping[str, int], prefix: str) -> View:
    return View(*(values[prefix + name] for name in _STEPS))


def _steps(view: View, prefix: str) -> dict[str, int]:
    return {prefix + name: getattr(view, name) for name in _STEPS}


def _places(places: Mapping[str, Place | None]) -> dict[str, int]:
    values = {}
    for name, place in places.items():
        register, offset = _PLACES[name]
        values[register], values[offset] = place or Place()
    return values


def _load(load: Load) -> dict[str, int]:
    return {
        **{name: getattr(load, name) for name in ("opcode", "free", "rows", "columns", "base")},
        **_steps(load.view, ""),
        **_places({"codes": load.codes, "scales": load.scales}),
    }


def _multiply(product: Multiply) -> dict[str, int]:
    names = ("m", "n", "k", "a_base", "b_base", "init", "shift", *_FLAGS)
    rows = _steps(product.c_view, "c_")
    return {
        "opcode": Opcode.MULTIPLY,
        **{name: getattr(product, name) for name in names},
        **_steps(product.a_view, "a_"),
        **_steps(product.b_view, "b_"),
        **{name: rows[name] for name in ("c_run", "c_pitch", "c_jump")},
        "mask": product.mask is not None,
        "to_words": product.words is not None,
        "to_tiles": product.codes is not None,
        **_places(
            {
                "init": product.init_at,
                **{name: getattr(product, name) for name in ("mask", "words", "codes", "scales")},
            }
        ),
    }
