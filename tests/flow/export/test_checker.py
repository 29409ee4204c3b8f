"""Protocol checkers: each rule, broken on purpose, is named in that cycle, and none before."""

from functools import cache

import pytest
from checking import Rows
from designs import needs_icarus
from mxsf.flow.catalogue.catalogue import variant
from mxsf.flow.export.checker import checker, checker_files

pytestmark = needs_icarus

FIRST, LAST = 1, 2
ENCODER = {"block": 3, "lanes": 1, "stages": 0, "storage": "registers", "interface": "flat"}


@cache
def built(name, **options):
    """A design, made once a process."""
    return variant(name, **options)


def encoder():
    """Rows of an encoder of latency 1, blocks of three beats, out of reset, the output ready."""
    rows = Rows(built("encoder", **ENCODER))
    rows.cycle(rst=1, i_ready=1, o_ready=1)
    return rows.cycle(rst=0)


def taken(rows, *words):
    """A block goes in."""
    for number, word in enumerate(words):
        last = number == len(words) - 1
        rows.cycle(i_valid=1, i_words=word, i_first=int(number == 0), i_last=int(last))
    rows.now["i_valid"] = 0
    return rows


def offered(rows, number, size, **more):
    """Beat ``number`` of a block comes out."""
    marks = {"o_first": int(number == 0), "o_last": int(number == size - 1)}
    return rows.cycle(**({"o_valid": 1, "o_codes": number} | marks | more))


def left(rows, size):
    """A whole block comes out."""
    for number in range(size):
        offered(rows, number, size)
    rows.now["o_valid"] = 0
    return rows


def broken(rows, folder):
    """Rules that are broken in any cycle, and the number of the first such cycle."""
    cycles = rows.broken(folder)
    first = next((number for number, names in enumerate(cycles) if names), None)
    return first, set().union(*cycles)


def test_what_is_right_breaks_nothing(tmp_path):
    """Full and short blocks, stalls, a bubble behind a shorter block, and a reset in between."""
    rows = left(taken(encoder(), 5, 6, 7), 3).cycle()
    left(taken(rows, 5), 1).cycle()
    taken(rows, 1, 2, 3)
    offered(rows, 0, 3, o_ready=0).cycle()
    rows.cycle(o_ready=1, i_valid=1, i_words=9, i_first=1, i_last=1)
    offered(rows, 1, 3, i_valid=0)
    offered(rows, 2, 3)
    rows.cycle(o_valid=0)  # late: the output has stalled since something was owed
    left(rows, 1)
    taken(rows, 1, 2, 3)
    rows.cycle(rst=1, o_valid=1)
    rows.cycle(rst=0, o_valid=0).cycle()
    left(taken(rows, 5, 6, 7), 3).cycle().cycle()
    assert broken(rows, tmp_path) == (None, set())


def too_early(rows):
    rows.cycle(i_valid=1, i_first=1, o_valid=1)


def in_its_own_cycle(rows):
    """The latency is 1: not in the cycle of the last beat in."""
    rows.cycle(i_valid=1, i_first=1, i_last=1, o_valid=1, o_first=1, o_last=1)


def one_too_many(rows):
    left(taken(rows, 1), 1).cycle(o_valid=1)


def late(rows):
    taken(rows, 1, 2).cycle()


def a_gap(rows):
    offered(taken(rows, 1, 2), 0, 2).cycle(o_valid=0)


def no_first(rows):
    offered(taken(rows, 1, 2), 0, 2, o_first=0)


def no_last(rows):
    offered(offered(taken(rows, 1, 2), 0, 2), 1, 2, o_last=0)


def another_length(rows):
    offered(taken(rows, 1, 2), 0, 1)


def valid_drops(rows):
    offered(taken(rows, 1), 0, 1, o_ready=0).cycle(o_valid=0)


def payload_changes(rows):
    offered(taken(rows, 1), 0, 1, o_ready=0).cycle(o_codes=9)


def unknown_valid(rows):
    rows.cycle(o_valid="x")


def unknown_ready(rows):
    rows.cycle(i_ready="x")


def unknown_mark(rows):
    offered(taken(rows, 1), 0, 1, o_last="x")


def valid_in_reset(rows):
    rows.cycle(rst=1).cycle(rst=1, o_valid=1)


def swallowed(rows):
    """Stalled, and it still takes beats: more than two blocks and a register hold."""
    rows.cycle(o_ready=0)
    taken(taken(taken(rows, 1, 2, 3), 1, 2, 3), 1, 2).cycle()


def offer_drops(rows):
    rows.cycle(i_valid=1, i_ready=0).cycle(i_valid=0)


def offer_changes(rows):
    rows.cycle(i_valid=1, i_ready=0).cycle(i_words=7)


def unknown_offer(rows):
    rows.cycle(i_valid="x")


def unknown_last(rows):
    rows.cycle(i_valid=1, i_last="x")


def unknown_taking(rows):
    rows.cycle(o_ready="x")


FAULTS = {
    too_early: "o_not_early",
    in_its_own_cycle: "o_not_early",
    one_too_many: "o_not_early",
    late: "o_prompt",
    a_gap: "o_prompt",
    no_first: "o_in_order",
    no_last: "o_in_order",
    another_length: "o_in_order",
    valid_drops: "o_valid_stays",
    payload_changes: "o_payload_stays",
    unknown_valid: "o_valid_known",
    unknown_ready: "i_ready_known",
    unknown_mark: "o_marks_known",
    valid_in_reset: "o_reset",
    swallowed: "o_bounded",
    offer_drops: "i_valid_stays",
    offer_changes: "i_payload_stays",
    unknown_offer: "i_valid_known",
    unknown_last: "i_marks_known",
    unknown_taking: "o_ready_known",
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_checker_catches(fault, tmp_path):
    """In its cycle, which is the last one, and none before."""
    rows = encoder()
    fault(rows)
    first, names = broken(rows, tmp_path)
    assert first == len(rows.rows) - 1
    assert FAULTS[fault] in names


def test_every_rule_of_an_encoder_has_a_fault():
    rules = {rule.name for rule in encoder().checker.rules}
    assert rules == set(FAULTS.values())


def product():
    """Rows of a long dot product over three outputs, blocks of two beats, latency 2."""
    options = {"block": 2, "lanes": 1, "outputs": 3, "stages": "round", "interface": "flat"}
    rows = Rows(built("dot", **options))
    assert rows.design.latency == 2
    rows.cycle(rst=1, i_ready=1, o_ready=1, i_valid=0)
    return rows.cycle(rst=0)


def beats(rows, *marks):
    """Beats of products: (output, first, last)."""
    for output, first, last in marks:
        rows.cycle(i_valid=1, i_output=output, i_first=first, i_last=last)
    rows.now["i_valid"] = 0
    return rows


OPEN = [(1, 1, 0), (1, 0, 0), (2, 1, 0), (2, 0, 0)]  # a block of two products


def test_products_in_order_break_nothing(tmp_path):
    rows = beats(product(), *OPEN, (1, 0, 0), (1, 0, 1), (2, 0, 1), (1, 1, 0))
    rows.cycle(o_valid=1, o_output=1)
    rows.cycle(o_output=2).cycle(o_valid=0)
    assert broken(rows, tmp_path) == (None, set())


@pytest.mark.parametrize(
    ("marks", "rule"),
    [
        ([(1, 0, 0)], "i_in_order"),  # no first
        ([*OPEN, (1, 1, 0)], "i_in_order"),  # first once more
        ([(1, 1, 0), (1, 1, 0)], "i_in_order"),  # within a block
        ([(1, 1, 0), (2, 0, 0)], "i_in_order"),  # another output within a block
        ([(3, 1, 0)], "i_in_order"),  # no such output
        ([("1x", 1, 0)], "i_marks_known"),
    ],
)
def test_checker_catches_products_out_of_order(marks, rule, tmp_path):
    rows = beats(product(), *marks)
    first, names = broken(rows, tmp_path)
    assert first == len(rows.rows) - 1
    assert rule in names


def test_results_leave_in_order_and_not_early(tmp_path):
    rows = beats(product(), *OPEN, (2, 0, 1), (1, 0, 1)).cycle(o_valid=1, o_output=1)
    assert broken(rows, tmp_path) == (len(rows.rows) - 1, {"o_in_order"})
    rows = beats(product(), *OPEN, (2, 0, 1)).cycle(o_valid=1, o_output=2)
    assert broken(rows, tmp_path) == (len(rows.rows) - 1, {"o_not_early"})


def test_tiles_leave_whole(tmp_path):
    """However few rows came; and each output by itself."""

    def tiles():
        options = {"tile": 4, "both": True, "stages": 0, "interface": "flat"}
        rows = Rows(built("requantizer", **options))
        rows.cycle(rst=1, i_ready=1, o_ready=1, t_ready=1).cycle(rst=0)
        return rows.cycle(i_valid=1, i_first=1, i_last=1)

    rows = tiles().cycle(i_valid=0, o_valid=1, t_valid=1)
    assert broken(rows, tmp_path) == (3, {"o_in_order", "t_in_order"})
    rows = tiles()
    rows.cycle(i_valid=0, o_valid=1, t_valid=1)
    rows.rows.pop()
    for number in range(4):
        marks = {"first": int(number == 0), "last": int(number == 3)}
        rows.cycle(**{f"{s}_{mark}": bit for s in "ot" for mark, bit in marks.items()})
    rows.cycle(o_valid=0, t_valid=0)
    assert broken(rows, tmp_path) == (None, set())
    rows = tiles()
    rows.rows[-1]["i_last"] = 0
    rows.cycle(i_first=0, i_last=0).cycle().cycle()  # the fourth row ends it
    rows.cycle(i_valid=0, o_valid=1, o_first=1)
    assert broken(rows, tmp_path) == (6, {"t_prompt"})


ENGINE = {"tile": 4, "pes": 1, "depth": 2, "element": "e2m1", "requantize": False}


def test_the_engine_is_silent_until_a_command_and_in_abort(tmp_path):
    def engine():
        rows = Rows(built("matmul", interface="flat", **ENGINE))
        inputs = {f"{name}_ready": 1 for name in ("command", "a", "b", "c", "o", "t")}
        return rows.cycle(rst=1, **inputs).cycle(rst=0)

    rows = engine().cycle(t_valid=1, t_first=1)
    assert broken(rows, tmp_path) == (2, {"t_not_early"})
    rows = engine().cycle(command_valid=1).cycle(command_valid=0)
    for _ in range(rows.design.latency - 1):
        rows.cycle()
    rows.cycle(o_valid=1, o_first=1).cycle(o_first=0)
    assert broken(rows, tmp_path) == (None, set())
    rows.cycle(abort=1)
    assert broken(rows, tmp_path) == (len(rows.rows) - 1, {"o_quiet"})


def test_axi_lite_answers_only_what_was_asked(tmp_path):
    def registers():
        rows = Rows(built("matmul", interface="axi", **ENGINE))
        ready = {name: 1 for name in rows.now if name.endswith("ready")}
        return rows.cycle(aresetn=0, **ready).cycle(aresetn=1)

    rows = registers().cycle(s_axi_awvalid=1).cycle(s_axi_awvalid=0, s_axi_wvalid=1)
    rows.cycle(s_axi_wvalid=0, s_axi_bvalid=1).cycle(s_axi_bvalid=0, s_axi_arvalid=1)
    rows.cycle(s_axi_arvalid=0, s_axi_rvalid=1)
    assert broken(rows, tmp_path) == (None, set())
    rows = registers().cycle(s_axi_awvalid=1).cycle(s_axi_awvalid=0, s_axi_bvalid=1)
    assert broken(rows, tmp_path) == (3, {"s_axi_b_w_not_early"})
    rows = registers().cycle(s_axi_rvalid=1)
    assert broken(rows, tmp_path) == (2, {"s_axi_r_ar_not_early"})
    rows = registers().cycle(s_axi_arvalid=1, s_axi_arready=0).cycle(s_axi_araddr=4)
    assert broken(rows, tmp_path) == (3, {"s_axi_ar_payload_stays"})


def test_a_beat_without_marks_is_a_packet_on_axi(tmp_path):
    rows = Rows(built("dot", block=2, stages=0, interface="axi"))
    rows.cycle(aresetn=0, s_axis_tready=1, m_axis_tready=1).cycle(aresetn=1, s_axis_tvalid=1)
    rows.cycle(s_axis_tvalid=0, m_axis_tvalid=1, m_axis_tlast=1)
    assert broken(rows, tmp_path) == (None, set())
    rows.rows[-1]["m_axis_tlast"] = 0
    assert broken(rows, tmp_path) == (2, {"o_in_order"})


def test_no_streams_no_checker():
    assert checker(variant("decoder")) is None
    assert checker_files(variant("decoder")) == {}
