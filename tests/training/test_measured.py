"""What a run tells of itself at its end, and that telling it changes nothing."""

from itertools import pairwise

import pytest
import torch

from mtl_core.training.events import Unchanged
from mtl_core.training.loaded_run import load_run
from mtl_core.training.measures.movement import TensorMovement, unchanged_tensors


@pytest.fixture(scope="module")
def top(bench):
    plan = bench.scenario("top-1").with_rates(1e-3, 1e-2)
    return bench.run(bench.spec(plan, epochs=2))


@pytest.fixture(scope="module")
def full(bench):
    plan = bench.scenario("full").with_rates(1e-3, 1e-2)
    return bench.run(bench.spec(plan, epochs=2))


def test_it_is_sent_once_before_the_final_event(top, of):
    assert [event.event for event in top[-3:]] == ["answers", "measured", "run_finished"]
    assert len(of(top, "measured")) == 1
    seconds = [event.elapsed_seconds for event in top]
    assert all(one <= other for one, other in pairwise(seconds))


def test_every_group_of_the_table_is_there_in_its_order(top, of, bench):
    table = bench.tables(bench.scenario("top-1"))[0]

    assert list(of(top, "measured")[0].groups) == [group.name for group in table.groups]


def test_what_is_frozen_moved_exactly_zero_and_what_learns_did_not(top, of):
    groups = of(top, "measured")[0].groups

    still = {name for name, group in groups.items() if group.moved == 0.0}
    assert still == {"embeddings", "layer 0", "pooler"}
    assert all(0 < groups[name].moved < 10 for name in ("layer 1", "classifier", "ner"))


def test_the_distance_is_the_written_models_from_the_checkpoint(bench, of, tmp_path, written):
    plan = bench.scenario("full").with_rates(1e-3, 1e-2)
    events = bench.run(bench.spec(plan, epochs=2), tmp_path / "output")
    start, end = bench.start(), written(tmp_path / "output")
    rows = [row for row in bench.tables(plan)[0].rows if row.tied_to is None]

    for group, told in of(events, "measured")[0].groups.items():
        names = [row.name for row in rows if row.group == group]
        before = torch.cat([start[name].flatten() for name in names]).double()
        after = torch.cat([end[name].flatten() for name in names]).double()
        expected = ((after - before).norm() / before.norm()).item()
        assert told.moved == pytest.approx(expected, rel=1e-5)


def test_only_what_learned_has_a_gradient_norm(top, of):
    groups = of(top, "measured")[0].groups

    assert {name for name, each in groups.items() if each.gradient_norm is not None} == {
        *("layer 1", "classifier", "ner")
    }
    assert all(each.gradient_norm > 0 for each in groups.values() if each.gradient_norm is not None)


def test_layers_below_all_trained_ones_are_exactly_similar_and_others_nearly(top, full, of):
    frozen_below = of(top, "measured")[0].groups
    moving = of(full, "measured")[0].groups

    assert frozen_below["layer 0"].cka == 1.0
    assert 0.1 < frozen_below["layer 1"].cka < 1.0
    assert 0.1 < moving["layer 0"].cka < 1.0
    assert 0.1 < moving["layer 1"].cka < 1.0
    assert moving["embeddings"].cka is None
    assert moving["ner"].cka is None


def test_two_tasks_have_one_cosine_where_shared_tensors_learn(full, bench, of):
    heads = of(bench.run(bench.spec("heads-only")), "measured")[0]

    found = of(full, "measured")[0]
    low, high = found.gradient_cosine_range["sentiment,ner"]
    assert -1 <= low <= found.gradient_cosine["sentiment,ner"] <= high <= 1
    assert heads.gradient_cosine == {"sentiment,ner": None}
    assert heads.gradient_cosine_range == {}


@pytest.mark.parametrize("scenario", ["top-1", "gradual"])
def test_cosines_on_stored_outputs_are_those_of_the_whole_model(bench, of, scenario):
    spec = bench.spec(scenario, epochs=2)
    stored, whole = (
        of(bench.run(spec.model_copy(update={"prefix_reuse": reuse})), "measured")[0]
        for reuse in (True, False)
    )

    assert stored.gradient_cosine == pytest.approx(whole.gradient_cosine, abs=1e-4)
    assert stored.gradient_cosine["sentiment,ner"] != 0.0


def test_a_frozen_backbone_knows_as_much_after_as_before(full, bench, of):
    heads = of(bench.run(bench.spec("heads-only", epochs=2)), "measured")[0]

    assert set(heads.probes) == {"sentiment", "ner"}
    assert all(before == after for before, after in heads.probes.values())
    before = {task: pair[0] for task, pair in of(full, "measured")[0].probes.items()}
    assert {task: pair[0] for task, pair in heads.probes.items()} == pytest.approx(before)
    assert all(each.cka == 1.0 for name, each in heads.groups.items() if name.startswith("layer"))


def test_a_probe_on_what_it_was_fitted_to_finds_every_sentence(full, of):
    """Half of the tiny training sentences of sentiment are its validation sentences too."""
    assert of(full, "measured")[0].probes["sentiment"][0] == 1.0


def test_a_task_that_weighs_nothing_is_probed_all_the_same(bench, of):
    plan = bench.plan(["all"], task_weights={"ner": 0.0})
    events = bench.run(bench.spec(plan))

    measured = of(events, "measured")[0]
    assert set(measured.probes) == {"sentiment", "ner"}
    assert measured.gradient_cosine == {"sentiment,ner": None}
    assert measured.groups["ner"].moved == 0.0


def test_a_run_that_takes_no_step_moved_nothing(bench, of):
    measured = of(bench.run(bench.spec("frozen")), "measured")[0]

    assert {each.moved for each in measured.groups.values()} == {0.0}
    assert all(before == after for before, after in measured.probes.values())


@pytest.mark.parametrize("scenario", ["full", "top-1", "gradual"])
def test_measuring_changes_no_loss_and_no_weight_by_a_bit(
    bench, of, tmp_path, written, moved, scenario
):
    plan = bench.scenario(scenario).with_rates(1e-3, 1e-2)
    on, off = (bench.spec(plan, epochs=3, measure=measure) for measure in (True, False))

    with_measures = bench.run(on, tmp_path / "on")
    without = bench.run(off, tmp_path / "off")

    assert [e.loss for e in of(with_measures, "step")] == [e.loss for e in of(without, "step")]
    assert [e.tasks for e in of(with_measures, "evaluation")] == [
        e.tasks for e in of(without, "evaluation")
    ]
    assert of(without, "measured") == []
    assert moved(written(tmp_path / "on"), written(tmp_path / "off")) == set()


def test_the_same_run_measures_the_same(bench, of):
    spec = bench.spec(bench.scenario("gradual").with_rates(1e-3, 1e-2), epochs=3)

    one, other = (of(bench.run(spec), "measured")[0] for _ in range(2))

    assert one.model_dump(exclude={"elapsed_seconds"}) == other.model_dump(
        exclude={"elapsed_seconds"}
    )


def test_without_prefix_reuse_the_measures_are_the_same_but_for_rounding(bench, of):
    plan = bench.scenario("top-1").with_rates(1e-3, 1e-2)
    reused, ordinary = (
        of(bench.run(bench.spec(plan, epochs=2, prefix_reuse=reuse)), "measured")[0]
        for reuse in (True, False)
    )

    assert reused.probes == ordinary.probes
    for group, told in reused.groups.items():
        assert told.moved == pytest.approx(ordinary.groups[group].moved, rel=1e-3)


def test_a_drawn_encoder_is_measured_from_what_was_drawn(bench, of):
    spec = bench.spec(bench.scenario("top-1").with_rates(1e-3, 1e-2), random_backbone=True)

    groups = of(bench.run(spec), "measured")[0].groups

    assert groups["layer 0"].moved == 0.0
    assert 0 < groups["layer 1"].moved < 0.2


def test_a_backbone_that_a_file_holds_is_not_copied(bench):
    from mtl_core.training.measures.movement import StartingWeights, learning_names

    loaded = load_run(bench.spec("full"))
    names = learning_names(loaded.tables, loaded.steps)
    parameters = dict(loaded.model.named_parameters())

    weights = StartingWeights(parameters, names, loaded.source, "bert")

    assert {name for name in weights.copied if not name.startswith("bert.")} == weights.copied
    assert len(weights.copied) == 4
    assert {name for name, _ in weights} == set(names)


def test_probes_of_each_layer_end_with_those_of_the_encoder_and_change_nothing(full, of, bench):
    plan = bench.scenario("full").with_rates(1e-3, 1e-2)
    spec = bench.spec(plan, epochs=2).model_copy(update={"probe_layers": True})
    events = bench.run(spec)
    measured = of(events, "measured")[0]

    assert {task: len(layers) for task, layers in measured.layer_probes.items()} == {
        "sentiment": 2,
        "ner": 2,
    }
    for task, layers in measured.layer_probes.items():
        assert layers[-1] == measured.probes[task]
    assert [each.loss for each in of(events, "step")] == [each.loss for each in of(full, "step")]
    assert of(full, "measured")[0].layer_probes == {}


def test_trained_tensors_that_keep_every_bit_are_named_with_the_cause(
    bench, of, tmp_path, written, moved
):
    plan = bench.plan(["all"], learning_rate=1e-6, layer_decay=100.0)  # 1e-8 and 1e-10 below
    events = bench.run(bench.spec(plan, epochs=2), tmp_path / "output")
    (table,) = bench.tables(plan)
    start = bench.start()
    learning = {row.name for row in table.rows if row.learning_rate is not None}
    same = learning - moved(start, written(tmp_path / "output"))

    (measured,) = of(events, "measured")

    assert set(measured.unchanged.rate_too_low) == same
    marked = {row.name for row in table.rows if row.no_effective_update}
    assert len(marked) == 3
    assert marked <= same  # others too, whose sizes are known only after the run
    assert measured.unchanged.others == ()
    assert measured.notes == (
        f"{len(same)} of 41 trained tensors did not change: their learning rates are below the "
        "resolution of float32 (no effective update).",
    )


def test_ordinary_rates_change_every_trained_tensor(top, full, of):
    assert of(top, "measured")[0].unchanged == Unchanged(trained=20)
    assert of(full, "measured")[0].notes == ()


def test_a_tensor_that_keeps_its_value_at_a_high_rate_is_named_apart():
    movements = {
        "moved": TensorMovement(distance=0.1, norm=1.0),
        "too low": TensorMovement(distance=0.0, norm=1.0, mean_size=1.0),
        "head": TensorMovement(distance=0.0, norm=1.0, mean_size=1.0),
    }

    found = unchanged_tensors(movements, {"moved": 1e-3, "too low": 2.9e-8, "head": 3e-8})

    assert found == Unchanged(trained=3, rate_too_low=("too low",), others=("head",))
    assert found.notes[1] == (
        "1 of 3 trained tensors did not change although their learning rates are high enough: head."
    )
