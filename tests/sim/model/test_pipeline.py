"""The cycle models by themselves: nothing lost, nothing reordered, full rate."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxsf.sim.model.pipeline import (
    AccumulatorLoop,
    BankPair,
    Gather,
    Pipeline,
    Register,
    Skid,
    Token,
)


def push(pipeline, tokens, offers, takes):
    """Run tokens through: (tokens out, cycles)."""
    waiting, out, cycle = list(tokens), [], 0
    while len(out) < len(tokens) and cycle < 1000:
        offer = waiting[0] if waiting and offers[cycle % len(offers)] else None
        take = takes[cycle % len(takes)]
        leaving = pipeline.output(offer)
        if leaving is not None and take:
            out.append(leaving)
        accepted = offer is not None and pipeline.ready(offer, take)
        pipeline.step(offer, take)
        if accepted:
            waiting.pop(0)
        cycle += 1
    return out, cycle


PATTERN = st.lists(st.booleans(), min_size=1, max_size=9).filter(any)


@settings(deadline=None)
@given(PATTERN, PATTERN, st.lists(st.integers(1, 4), min_size=1, max_size=8))
def test_order_holds_under_any_stalls(offers, takes, lengths):
    tokens, number = [], 0
    for length in lengths:
        for beat in range(length):
            tokens.append(Token(number, beat == length - 1))
            number += 1
    out, _ = push(Pipeline(Register(), BankPair(4), Skid(), Register()), tokens, offers, takes)
    assert out == tokens


@settings(deadline=None)
@given(PATTERN, PATTERN, st.integers(0, 4), st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_chains_end_every_product_in_order(offers, takes, registers, slots):
    """Two blocks a product: the second one of a slot is final."""
    seen, tokens, finals = set(), [], []
    for slot in slots:
        final = slot in seen
        seen ^= {slot}
        tokens.append(Token(len(finals), True, slot, final))
        if final:
            finals.append(tokens[-1])
    pipeline, waiting, out = Pipeline(Gather(), AccumulatorLoop(registers)), list(tokens), []
    for cycle in range(2000):
        offer = waiting[0] if waiting and offers[cycle % len(offers)] else None
        take = takes[cycle % len(takes)]
        leaving = pipeline.output(offer)
        if leaving is not None and take:
            out.append(leaving)
        accepted = offer is not None and pipeline.ready(offer, take)
        pipeline.step(offer, take)
        if accepted:
            waiting.pop(0)
    assert not waiting
    assert out == finals


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_registers_keep_full_rate(depth):
    tokens = [Token(n, True) for n in range(20)]
    _, cycles = push(Pipeline(*(Register() for _ in range(depth))), tokens, [True], [True])
    assert cycles == 20 + depth


def test_banks_keep_full_rate():
    tokens = [Token(n, n % 4 == 3) for n in range(40)]
    _, cycles = push(Pipeline(BankPair(4), Register()), tokens, [True], [True])
    assert cycles == 40 + 4 + 2


def test_a_skid_buffer_has_no_latency_and_keeps_full_rate():
    tokens = [Token(n, True) for n in range(20)]
    _, cycles = push(Pipeline(Register(), Skid(), Register()), tokens, [True], [True])
    assert cycles == 20 + 2


def test_a_register_refuses_while_it_is_stalled():
    register = Register()
    register.step(Token(0, True), False)
    assert not register.ready(None, False)
    assert register.ready(None, True)
