"""Comparisons of arms in the queue: their own settings, models and problems."""

from collections.abc import Iterator

import pytest

from mtl_core.engine.comparisons import planned_runs
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput, MissingWeights
from mtl_core.settings import Settings
from mtl_core.store.record import RunRole
from mtl_core.training.arm import ComparisonArm, named_arm, plain_arm
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.together.rule import trains_together


@pytest.fixture
def idle_lab(
    settings: Settings, trainer_argv: list[str], inspector_argv: list[str]
) -> Iterator[Lab]:
    """A lab that is not open: it queues runs and starts none."""
    made = Lab(settings, trainer_argv, inspector_argv)
    yield made
    made.close()


def comparison(*arms: ComparisonArm, **values: object) -> ComparisonSpec:
    base = {"checkpoint": "minilm-l6", "arms": arms, "seeds": (1, 2)}
    return ComparisonSpec.model_validate({**base, **values})


FEW = named_arm("full", "few", options={"examples": {"ner": 50}})
FAST = named_arm("heads-only", "fast", learning_rate=1e-3, head_learning_rate=0.02)


def test_runs_are_named_ordered_and_saved_by_arm(idle_lab: Lab) -> None:
    made = idle_lab.start_comparison(comparison(plain_arm("full"), FEW, FAST))
    assert [(run.spec.seed, run.name, run.keeps_model) for run in made.runs] == [
        *((1, name, True) for name in ("full", "few", "fast")),
        *((2, name, False) for name in ("full", "few", "fast")),
    ]
    assert made.name == "full, few, fast · minilm-l6 · 2 seeds"
    assert idle_lab.store.comparison(made.id).spec == made.spec


def test_a_sweep_is_tried_for_each_arm_with_its_own_epochs(idle_lab: Lab) -> None:
    short = named_arm("full", "short", options={"epochs": 1.0})
    made = idle_lab.start_comparison(comparison(plain_arm("full"), short, sweep=(1.0, 2.0)))
    trials = [(run.name, run.factor, run.spec.epochs) for run in made.trial_runs]
    assert trials == [
        ("full", 1.0, 3.0),
        ("full", 2.0, 3.0),
        ("short", 1.0, 1.0),
        ("short", 2.0, 1.0),
    ]
    assert {run.role for run in made.trial_runs} == {RunRole.SWEEP}
    assert [run.spec.epochs for run in made.runs] == [3.0, 1.0, 3.0, 1.0]


def test_the_time_of_an_epoch_is_measured_for_each_arm(idle_lab: Lab) -> None:
    made = idle_lab.start_comparison(comparison(plain_arm("full"), FEW, seconds=5.0))
    planned = planned_runs(made.spec, [run.spec for run in made.runs])
    paces = [run.spec.arm for run in planned if run.role is RunRole.PACE]
    assert paces == ["full", "few"]


def test_an_arm_without_weights_is_named_and_nothing_is_queued(idle_lab: Lab) -> None:
    missing = named_arm("full", checkpoint="bert-large-uncased")
    with pytest.raises(MissingWeights, match=r"Arm 'full \(bert-large-uncased\)': "):
        idle_lab.start_comparison(comparison(plain_arm("full"), missing))
    with pytest.raises(BadInput, match="Arm 'on': There is no run 'no-run'"):
        idle_lab.start_comparison(
            comparison(named_arm("full", "on", options={"starts_from": "no-run"}))
        )
    assert (idle_lab.store.comparisons(), idle_lab.store.runs()) == ([], [])


def test_the_other_data_of_an_arm_are_checked(idle_lab: Lab) -> None:
    arm = named_arm("full", options={"also_evaluate": ("/etc/data.yaml",)})
    with pytest.raises(BadInput, match="is not allowed here"):
        idle_lab.start_comparison(comparison(arm))


def test_heads_of_arms_that_differ_in_rates_train_together(idle_lab: Lab) -> None:
    longer = named_arm("heads-only", "longer", options={"epochs": 4.0})
    made = idle_lab.start_comparison(comparison(plain_arm("heads-only"), FAST, longer))
    plain, fast, more = (run.spec for run in made.runs[:3])
    assert trains_together(plain, fast)
    assert not trains_together(plain, more)


def test_a_comparison_states_the_start_of_an_arm(idle_lab: Lab) -> None:
    spec = comparison(plain_arm("full"), named_arm("full", "on", options={"starts_from": "a-run"}))
    (full, _) = idle_lab.start_comparison(comparison(plain_arm("full"))).runs
    assert spec.names_start_of(full.spec)
    onward = full.spec.model_copy(update={"arm": "on", "starts_from": "a-run"})
    assert spec.names_start_of(onward)
    assert not spec.names_start_of(onward.model_copy(update={"starts_from": "another"}))
