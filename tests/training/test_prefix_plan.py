"""Which depth each phase may reuse: from the plan alone."""

import pytest

from mtl_core.training.prefix.plan import (
    NOTHING_BELOW,
    NOTHING_LEARNS,
    TOO_SHORT,
    ReadSentences,
    phase_prefixes,
)

LAYERS = 2
EPOCH = 3


@pytest.fixture
def prefixes(bench):
    """Of each phase: the depth and whether it is the checkpoint's own, or the reason against."""

    def choose(plan, steps, validation=0, test=0):
        plan = bench.scenario(plan) if isinstance(plan, str) else plan
        read = ReadSentences(12, validation, test, EPOCH)
        found = phase_prefixes(bench.tables(plan), steps, LAYERS, read)
        return [
            each.reason if each.depth is None else (each.depth, each.original) for each in found
        ]

    return choose


@pytest.mark.parametrize(
    ("scenario", "found"),
    [
        ("heads-only", (2, True)),
        ("top-1", (1, True)),
        ("top-2", NOTHING_BELOW),  # all of them
        ("bottom-1", NOTHING_BELOW),
        ("full", NOTHING_BELOW),
        ("embeddings-frozen", NOTHING_BELOW),
        ("bitfit", NOTHING_BELOW),
        ("freeze-head:ner", NOTHING_BELOW),
    ],
)
def test_nothing_below_the_boundary_learns(prefixes, scenario, found):
    assert prefixes(scenario, [EPOCH]) == [found]


def test_a_phase_without_steps_has_none_to_save(prefixes):
    assert prefixes("frozen", [0]) == [NOTHING_LEARNS]


def test_a_selected_pooler_that_no_loss_reaches_adds_no_depth(prefixes, bench):
    assert prefixes(bench.plan(["heads", "pooler"]), [EPOCH]) == [(2, True)]


def test_gradual_unfreezing_reads_the_checkpoints_own_outputs_throughout(prefixes):
    assert prefixes("gradual", [3, 3, 3]) == [(2, True), (1, True), NOTHING_BELOW]


def test_once_a_lower_layer_has_learned_outputs_above_it_are_no_longer_the_checkpoints(
    prefixes, bench
):
    plan = bench.plan(["heads"], ["layer:0"], ["layer:1"], ["heads"])

    assert prefixes(plan, [3, 3, 4, 4]) == [(2, True), NOTHING_BELOW, (1, False), (2, False)]


def test_outputs_of_one_phase_pay_off_after_an_epoch(prefixes, bench):
    plan = bench.plan(["layer:0"], ["layer:1"])

    assert prefixes(plan, [3, 3]) == [NOTHING_BELOW, TOO_SHORT]


def test_a_layer_of_a_phase_without_steps_has_not_moved(prefixes, bench):
    plan = bench.plan(["pooler"], ["heads"])

    assert prefixes(plan, [0, 3]) == [NOTHING_LEARNS, (2, True)]


def test_the_checkpoints_outputs_pay_off_once_the_phases_that_read_them_see_each_sentence(
    prefixes, bench
):
    plan = bench.plan(["heads"], ["heads", "top:1"])

    assert prefixes(plan, [1, 1]) == [TOO_SHORT, TOO_SHORT]
    assert prefixes(plan, [1, 2]) == [(2, True), (1, True)]


def test_evaluations_count_as_steps_do(prefixes):
    # one step of 4 sentences; an evaluation before it and one after it, of 7 or 8 sentences each
    assert prefixes("heads-only", [1], validation=7) == [TOO_SHORT]  # 4 + 14 < 12 + 7
    assert prefixes("heads-only", [1], validation=8) == [(2, True)]
    assert prefixes("heads-only", [1], validation=1, test=7) == [(2, True)]
    assert prefixes("heads-only", [1], validation=1, test=6) == [TOO_SHORT]


def test_the_evaluation_before_training_does_not_use_outputs_of_a_later_phase(prefixes, bench):
    plan = bench.plan(["layer:0"], ["layer:1"])

    # outputs of its own: 12 + 2 + 9 are no more than 12 + 2 + 9, but 16 + 4 + 9 are
    assert prefixes(plan, [3, 3], validation=2, test=9) == [NOTHING_BELOW, TOO_SHORT]
    assert prefixes(plan, [3, 4], validation=2, test=9) == [NOTHING_BELOW, (1, False)]


def test_a_phase_between_others_is_evaluated_on_the_validation_sentences_alone(prefixes, bench):
    plan = bench.plan(["heads"], ["heads", "top:1"], ["all"])

    # 51 + 8 + 1 and 4 + 1 sentences of 12 + 1 + 50: the first phase reads the test sentences
    expected = [(2, True), (1, True), NOTHING_BELOW]
    assert prefixes(plan, [2, 1, 3], validation=1, test=50) == expected
    late = bench.plan(["layer:0"], ["layer:1"], ["all"])
    assert prefixes(late, [1, 4, 3], validation=1, test=50)[1] == TOO_SHORT
