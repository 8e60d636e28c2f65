import pytest

from mtl_core.analysis.differences import (
    SpecDifference,
    beyond_the_plan,
    same_sentences,
    spec_differences,
)
from mtl_core.analysis.intervals import standard_error
from mtl_core.analysis.plans import distinct_labels
from mtl_core.analysis.side_by_side import OverPhases, tensor_pairs
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.table import State
from tests.run_story import minilm, spec_of


def test_the_standard_error_of_an_accuracy_is_binomial() -> None:
    assert standard_error(0.9, 100) == pytest.approx(0.03)
    assert standard_error(1.0, 20) == 0.0


def test_only_keys_that_differ_are_listed_with_their_values_side_by_side() -> None:
    found = spec_differences([spec_of("heads-only"), spec_of("top-1", seed=3)])
    assert SpecDifference("scenario", ("heads-only", "top-1")) in found
    assert SpecDifference("plan.phases.1.train", ("heads", "heads, top:1")) in found
    assert SpecDifference("seed", ("1", "3")) in found
    assert not [each for each in found if len(set(each.values)) == 1]
    assert "checkpoint" not in {each.key for each in found}


def test_a_key_that_only_one_spec_has_is_none_in_the_other() -> None:
    found = spec_differences([spec_of("heads-only"), spec_of("gradual")])
    assert SpecDifference("plan.phases.2.train", (None, "heads, top:1")) in found


def test_equal_specs_differ_in_nothing() -> None:
    assert spec_differences([spec_of("full"), spec_of("full")]) == ()
    assert beyond_the_plan([spec_of("full"), spec_of("top-1")]) == ()


def test_a_digest_not_written_down_yet_is_no_difference() -> None:
    known = spec_of("full", data_digests={"train": "a"})
    assert beyond_the_plan([known, spec_of("full")]) == ()
    assert same_sentences([known, spec_of("full")])
    changed = spec_of("full", data_digests={"train": "b"})
    assert beyond_the_plan([known, changed]) == ("the data's content",)
    assert not same_sentences([known, changed])


def test_runs_of_one_name_are_distinguished_by_what_they_do_not_share() -> None:
    specs = [spec_of("full"), spec_of("full", seed=2), spec_of("top-1")]
    labels = distinct_labels(["full", "full", "top layer"], specs, ["x-a1", "x-b2", "x-c3"])
    assert labels == ["full, seed 1", "full, seed 2", "top layer"]


def test_two_runs_of_one_spec_are_distinguished_by_their_ids() -> None:
    specs = [spec_of("full"), spec_of("full")]
    assert distinct_labels(["full", "full"], specs, ["x-a1", "x-b2"]) == ["full, a1", "full, b2"]


def test_two_plans_differ_in_the_tensors_whose_state_or_rate_does() -> None:
    model = minilm()
    heads, top = (parameter_tables(spec_of(name).plan, model) for name in ("heads-only", "top-1"))
    pairs = {pair.name: pair for pair in tensor_pairs(heads, top)}
    assert sum(pair.count for pair in pairs.values()) == model.total
    differing = [pair for pair in pairs.values() if pair.differs]
    assert len(differing) == 16 + 4  # the top layer's tensors, and the heads' at another rate
    head = pairs["classifier.weight"]
    assert head.first == OverPhases(State.TRAINABLE, (7.1e-3,), (1,))
    assert head.second == OverPhases(State.TRAINABLE, (1e-3,), (1,))
    assert not pairs["bert.encoder.layer.4.output.dense.weight"].differs
    assert not any(pair.differs for pair in tensor_pairs(top, top))


def test_a_tensor_that_thaws_later_counts_as_learning_from_that_phase() -> None:
    tables = parameter_tables(spec_of("gradual").plan, minilm())
    pairs = {pair.name: pair for pair in tensor_pairs(tables, tables)}
    over = pairs["bert.encoder.layer.5.output.dense.weight"].first
    assert over is not None
    assert (over.state, over.phases) == (State.TRAINABLE, (2, 3, 4))
    assert pairs["classifier.weight"].first == OverPhases(
        State.TRAINABLE, (1e-2, 3e-3), (1, 2, 3, 4)
    )
