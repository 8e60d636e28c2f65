"""Runs of heads alone are trained together by one process."""

import pytest

from mtl_core.engine.comparisons import measured_epochs
from mtl_core.engine.lab import Lab
from mtl_core.engine.together import MAX_RUNS, TogetherGroups
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.settings import Settings
from mtl_core.store.record import PlannedRun, RunRole, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec
from mtl_core.training.events import RunFinished
from mtl_core.training.spec import RunSpec

PATIENCE_SECONDS = 120.0  # the real trainer imports torch first


@pytest.fixture
def store(tmp_path):
    store = RunStore(tmp_path / "runs.sqlite")
    yield store
    store.close()


def run_spec(seed=0, train=("heads",), scenario="own"):
    plan = Plan(name=scenario, phases=(Phase(name="only", train=train),))
    return RunSpec(checkpoint="minilm-l6", scenario=scenario, plan=plan, tasks=(), seed=seed)


def records(store, planned, **values):
    spec = ComparisonSpec(checkpoint="minilm-l6", scenarios=("own",), seeds=(0,), **values)
    record = store.add_comparison(spec, planned)
    return sorted((*record.runs, *record.trial_runs), key=lambda run: run.id)


def group(store, runs):
    return TogetherGroups(store)(runs[0], runs[1:])


def test_all_seeds_of_a_plan_that_trains_heads_form_a_group(store):
    runs = records(store, [PlannedRun(run_spec(seed)) for seed in range(5)])

    assert {run.id for run in group(store, runs)} == {run.id for run in runs}


def test_a_plan_that_trains_layers_forms_none(store):
    runs = records(store, [PlannedRun(run_spec(seed, ("heads", "top:1"))) for seed in range(3)])

    assert group(store, runs) == (runs[0],)


def test_separate_runs_form_none(store):
    planned = [PlannedRun(run_spec(seed)) for seed in range(3)]
    runs = records(store, planned, separate_runs=True)

    assert group(store, runs) == (runs[0],)


def test_a_run_that_measures_time_is_trained_alone(store):
    planned = [PlannedRun(run_spec(seed), RunRole.PACE) for seed in range(3)]
    runs = records(store, planned)

    assert group(store, runs) == (runs[0],)


def test_beside_other_plans_the_first_seed_is_trained_alone(store):
    planned = [PlannedRun(run_spec(seed)) for seed in range(4)]
    planned += [PlannedRun(run_spec(seed, ("all",), "other")) for seed in range(4)]
    own = [run for run in records(store, planned) if run.spec.scenario == "own"]
    own.sort(key=lambda run: run.spec.seed)

    assert group(store, own) == (own[0],)
    assert group(store, own[::-1]) == tuple(own[:0:-1])  # whichever run the queue begins with


def test_a_group_has_a_limit(store):
    runs = records(store, [PlannedRun(run_spec(seed)) for seed in range(MAX_RUNS + 5)])

    assert len(group(store, runs)) == MAX_RUNS


@pytest.fixture
def compared(tiny_checkpoint, tiny_data, wait_until):
    """Carries out a comparison of three seeds that train heads, and checks its runs."""

    def carry_out(check):
        spec = ComparisonSpec(
            checkpoint=str(tiny_checkpoint),
            scenarios=("heads-only",),
            seeds=(0, 1, 2),
            data=str(tiny_data),
            epochs=1,
            batch_size=4,
            max_length=32,
        )
        with Lab(Settings.from_environment(), reserved=True) as lab:
            record = lab.start_comparison(spec)
            wait_until(lambda: lab.comparison_progress(record.id).ended, PATIENCE_SECONDS)
            runs = lab.store.comparison(record.id).runs
            assert [run.state for run in runs] == [RunState.FINISHED] * 3
            check(lab, runs)

    return carry_out


def test_a_comparison_trains_its_seeds_together_and_records_it(compared):
    def check(lab, runs):
        assert [run.spec.trained_together for run in runs] == [3, 3, 3]
        last = [lab.store.latest(run.id, "run_finished") for run in runs]
        assert all(isinstance(each, RunFinished) for each in last)
        assert len({each.metrics["ner"].loss for each in last}) == 3
        assert measured_epochs(lab.store, runs) == []

    compared(check)


@pytest.mark.long
def test_seeds_whose_outputs_have_no_room_in_memory_are_trained_one_by_one(compared, monkeypatch):
    monkeypatch.setenv("FREEZE_LAB_PREFIX_MEMORY_BYTES", "1")
    monkeypatch.setenv("FREEZE_LAB_PARALLEL_RUNS", "1")  # one trainer imports torch, not two

    def check(lab, runs):
        assert [run.spec.trained_together for run in runs] == [None] * 3
        assert len({run.started_at for run in runs}) == 3
        assert measured_epochs(lab.store, runs) != []

    compared(check)
