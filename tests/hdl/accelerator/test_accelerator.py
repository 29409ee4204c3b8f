"""The accelerator: random programs on memories of several speeds, against the golden machine."""

import pytest
from accelerating import CONFIGURATIONS, SMALL, TIMINGS, check, compiled, programs, rounded
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
