"""The accelerator: random programs on memories of several speeds, against the golden machine."""

import pytest
from accelerating import (
    CONFIGURATIONS,
    SMALL,
    TIMINGS,
    check,
    compiled,
    large_program,
    programs,
    rounded,
    run,
)
from buggy import buggy
from designs import needs_gcc, tiers

pytestmark = needs_gcc


@pytest.mark.parametrize("number", tiers([0], range(len(TIMINGS))))
def test_random_programs(number):
    part, simulator = compiled(**SMALL)
    timing, stalls = TIMINGS[number]
    check(part, simulator, programs(part.built, 10 * number, 3), timing, stalls)


@pytest.mark.campaign
@pytest.mark.parametrize("options", [SMALL, *CONFIGURATIONS], ids=str)
def test_many_random_programs(options):
    part, simulator = compiled(**options)
    for number, (timing, stalls) in enumerate(TIMINGS):
        check(part, simulator, programs(part.built, 1000 * (1 + number), 24), timing, stalls)


def test_random_numbers_run_on():
    """One program, over and over: stochastic rounding gives it other codes each time."""
    part, simulator = compiled(**SMALL)
    made = rounded(part.built)
    check(part, simulator, [made] * 3)
    machine = made.machine(part.built)
    machine.run(made.start)
    again = made.machine(part.built)
    again.core = machine.core
    again.run(made.start)
    assert (machine.memory != again.memory).any()


@pytest.mark.long
def test_another():
    """The accelerator that is made wrong below, without a bug."""
    part, simulator = buggy()
    made = [*programs(part.built, 10), large_program(part.built)]
    check(part, simulator, made, *TIMINGS[0])


BUGS = [
    *(("stride", "bytes of memory are wrong"), ("strobe", "bytes of memory are wrong")),
    *(("fence", "bytes of memory are wrong"), ("count", "counter scale_bytes is")),
]


@pytest.mark.long
@pytest.mark.parametrize(("bug", "message"), BUGS)
def test_random_programs_catch(bug, message):
    part, simulator = buggy(bug)
    with pytest.raises(AssertionError, match=message):
        check(part, simulator, programs(part.built, 0))


@pytest.mark.long
@pytest.mark.parametrize(
    ("bug", "message"), [("page", "leaves its page"), ("room", "does not end within 5000 cycles")]
)
def test_many_bursts_catch(bug, message):
    """Bursts over 4 KiB; FIFOs that are too small: masks on the bus wait for words behind them."""
    part, simulator = buggy(bug)
    made = large_program(part.built)

    async def body(runs):
        await runs.set_up(made)
        await runs.host.run(made.start, 5000)

    with pytest.raises(AssertionError, match=message):
        run(part, simulator, body)
