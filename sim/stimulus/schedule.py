"""The order in which beats of dot products arrive, and stimuli made of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from amaranth.hdl import Shape
from numpy.typing import NDArray

from ...hdl.scale import product_values
from ..model.pipeline import Pipeline, Token
from .payload import pack
from .products import Products, answers
from .stimulus import Stimulus

__all__ = ["Schedule", "products_stimulus", "schedule"]


@dataclass(frozen=True)
class Schedule:
    """The order in which beats of products arrive, one entry a beat.

    Attributes:
        product, block, beat: which beat it is.
        slot: which output the product runs on.
        first, last: marks: the first and the last beat of a product.
        tokens: what cycle models see; a token's number is its product's place among the results.
        results: the products in the order of their results.
    """

    product: NDArray[np.int64]
    block: NDArray[np.int64]
    beat: NDArray[np.int64]
    slot: NDArray[np.int64]
    first: NDArray[np.bool_]
    last: NDArray[np.bool_]
    tokens: list[Token]
    results: list[int]


def schedule(
    products: Products, beats: int, outputs: int = 0, random: np.random.Generator | None = None
) -> Schedule:
    """Interleave products over outputs: in turn, or at random.

    Args:
        products: the products, taken in order; each runs on an output until it ends.
        beats: beats of a full block.
        outputs: outputs; 0 and 1 both take one product after the other.
        random: source of randomness; None takes the outputs in turn.
    """
    slots: list[list[int]] = []  # (product, blocks done) of each output
    waiting = iter(range(len(products.blocks)))
    rows: list[tuple[int, int, int, int]] = []
    tokens: list[Token] = []
    results: list[int] = []
    for _ in range(max(outputs, 1)):
        number = next(waiting, None)
        slots.append([] if number is None else [number, 0])
    turn = 0
    while any(slots):
        turn = (turn + 1) % len(slots) if random is None else int(random.integers(len(slots)))
        if not slots[turn]:
            continue
        number, done = slots[turn]
        final = done + 1 == int(products.blocks[number])
        count = int(products.beats[number]) or beats if final else beats
        for beat in range(count):
            rows.append((number, done, beat, turn))
            tokens.append(Token(len(results), beat + 1 == count, turn, final))
        slots[turn][1] += 1
        if final:
            results.append(number)
            following = next(waiting, None)
            slots[turn] = [] if following is None else [following, 0]
    product, block, beat, slot = np.array(rows, np.int64).T
    first = (block == 0) & (beat == 0)
    last = np.array([token.last and token.final for token in tokens])
    return Schedule(product, block, beat, slot, first, last, tokens, results)


def products_stimulus(
    component: Any,
    products: Products,
    operands: Callable[[Mapping[str, NDArray[Any]]], Mapping[str, NDArray[Any]]],
    model: Callable[[], Pipeline],
    random: np.random.Generator | None = None,
) -> Stimulus:
    """Make the beats of products and the golden results, for a design that ends in an accumulator.

    Args:
        component: the design.
        products: the products.
        operands: turns codes and microexponents of beats, by field, into those of the payload.
        model: makes the cycle model.
        random: decides the order of outputs; None takes them in turn.
    """
    way = schedule(products, component.beats, component.outputs, random)
    shape = (*products.a_codes.shape[:2], component.beats, -1)
    beat = (way.product, way.block, way.beat)
    rows = {"a.codes": products.a_codes, "b.codes": products.b_codes}
    rows |= {f"{side}.micro": bits for side, bits in products.micro.items()}
    incoming: dict[str, NDArray[Any]] = {
        **operands({name: array.reshape(shape)[beat] for name, array in rows.items()}),
        "acc": products.acc[way.product],
        "output": way.slot,
        "first": way.first,
        "last": way.last,
    }
    scales = [s[way.product, way.block] for s in (products.a_scale, products.b_scale)]
    incoming |= {"a.scale": scales[0], "b.scale": scales[1]}
    incoming |= product_values(component.formats, *scales)
    golden = answers(products, component.pair, component.accumulate, component.result)
    outgoing = {"acc": golden[way.results], "output": way.slot[way.last]}
    layouts = component.i.payload.shape(), component.o.payload.shape()
    return Stimulus(
        inputs=pack(layouts[0], incoming),
        outputs=pack(layouts[1], outgoing),
        last=way.last,
        blocks=len(way.results),
        model=model,
        widths=(Shape.cast(layouts[0]).width, Shape.cast(layouts[1]).width),
        tokens=way.tokens,
    )
