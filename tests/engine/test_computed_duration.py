"""The duration of a run that no finished run is like, from the cost of its steps."""

from pathlib import Path

import pytest

from mtl_core.cost.estimate import step_cost
from mtl_core.cost.profile_cache import catalogue_profile
from mtl_core.cost.speed import Speed
from mtl_core.engine.computed_duration import START_SECONDS, computed_seconds
from mtl_core.engine.held_outputs import mean_tokens
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.models.cache import catalogue_description
from mtl_core.models.description import ModelDescription
from mtl_core.settings import Settings
from mtl_core.tasks.data_sources import owner_dataset
from mtl_core.training.spec import RunSpec
from tests.run_story import spec_of

SPEED = Speed(
    machine="a machine",
    forward_seconds_per_flop=1e-11,
    keeping_seconds_per_byte=0.0,
    backward_seconds_per_flop=2e-11,
    optimizer_seconds_per_parameter=1e-9,
)


def settings(folder: Path) -> Settings:
    return Settings(home=folder, threads=1)


def computed(spec: RunSpec, folder: Path) -> float:
    seconds = computed_seconds(spec, settings(folder), ANY_FILE, owner_dataset, SPEED)
    assert seconds is not None
    return seconds


def test_a_run_without_reuse_is_its_start_its_steps_and_its_evaluations(tmp_path: Path) -> None:
    spec = spec_of("full", data="sample-small", epochs=2.0, threads=1)
    data = owner_dataset("sample-small")
    model = ModelDescription(catalogue_description(spec.checkpoint), spec.tasks)
    (table,) = parameter_tables(spec.plan, model)
    tokens = mean_tokens(spec, owner_dataset)
    cost = step_cost(catalogue_profile(spec.checkpoint), model, table, spec.batch_size, tokens)
    steps = 2 * -(-len(data.train) // spec.batch_size)
    evaluated = 3 * len(data.validation) + 2 * len(data.test)
    wanted = START_SECONDS + steps * SPEED.seconds(cost)
    wanted += evaluated / spec.batch_size * cost.forward_flops * SPEED.forward_seconds_per_flop

    assert computed(spec, tmp_path) == pytest.approx(wanted)


def test_frozen_layers_run_once_for_each_sentence_and_not_in_each_epoch(tmp_path: Path) -> None:
    once, twice = (
        computed(spec_of("heads-only", data="sample-small", epochs=epochs, threads=1), tmp_path)
        for epochs in (10.0, 20.0)
    )
    without = spec_of("heads-only", data="sample-small", epochs=10.0, threads=1)
    without = without.model_copy(update={"prefix_reuse": False})

    assert twice - once < 0.1 * (once - START_SECONDS)
    assert computed(without, tmp_path) - START_SECONDS > 5 * (once - START_SECONDS)


def test_a_run_with_fewer_threads_than_the_speed_was_measured_with_takes_longer(
    tmp_path: Path,
) -> None:
    spec = spec_of("full", data="sample-small", threads=1)
    two_threads = Settings(home=tmp_path, threads=2)
    seconds = computed_seconds(spec, two_threads, ANY_FILE, owner_dataset, SPEED)

    assert seconds == pytest.approx(2 * computed(spec, tmp_path) - START_SECONDS)


def test_untraced_checkpoints_other_kinds_of_steps_and_unreadable_data_give_no_estimate(
    tmp_path: Path, tiny_checkpoint: Path
) -> None:
    for spec in (
        spec_of("full", threads=1).model_copy(update={"checkpoint": str(tiny_checkpoint)}),
        spec_of("full", threads=1, precision="bfloat16"),
        spec_of("full", threads=1, micro_batch_size=2),
        spec_of("full", data="no-such-data", threads=1),
        spec_of("full", threads=1).model_copy(update={"checkpoint": "no-such-checkpoint"}),
    ):
        assert computed_seconds(spec, settings(tmp_path), ANY_FILE, owner_dataset, SPEED) is None
