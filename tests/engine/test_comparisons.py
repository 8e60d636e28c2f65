"""Comparisons through the lab: queued together, stopped, resumed, with decided rates and epochs."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from mtl_core.engine.comparison_progress import progress_of
from mtl_core.engine.comparisons import advance, planned_runs, workload
from mtl_core.engine.lab import Lab
from mtl_core.errors import BadInput, DataError, MissingWeights, UnknownCheckpoint, UnknownScenario
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.settings import Settings
from mtl_core.store.owner import Owner
from mtl_core.store.record import ComparisonRecord, RunRole, RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.comparison import ComparisonSpec, train_size
from mtl_core.training.events import (
    Counts,
    RunFinished,
    RunStarted,
    SentenceScore,
    Step,
    TokenScore,
)
from tests.run_story import minilm, spec_of
from tests.stored_runs import claim

SIZES = (50, 100, 200)
Wait = Callable[[Callable[[], bool]], None]


def comparison_spec(**values: object) -> ComparisonSpec:
    base = {"checkpoint": "minilm-l6", "scenarios": ("heads-only", "full"), "seeds": (1, 2)}
    return ComparisonSpec.model_validate(base | values)


@pytest.fixture
def lab(settings: Settings, trainer_argv: list[str], inspector_argv: list[str]) -> Iterator[Lab]:
    with Lab(settings, trainer_argv, inspector_argv) as opened:
        yield opened


@pytest.fixture
def idle_lab(
    settings: Settings, trainer_argv: list[str], inspector_argv: list[str]
) -> Iterator[Lab]:
    """A lab that is not open: it queues runs and starts none."""
    made = Lab(settings, trainer_argv, inspector_argv)
    yield made
    made.close()


def states(record: ComparisonRecord) -> list[RunState]:
    return [run.state for run in record.runs]


def test_one_call_runs_every_scenario_with_every_seed(lab: Lab, wait_until: Wait) -> None:
    made = lab.start_comparison(comparison_spec())
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    done = lab.store.comparison(made.id)
    assert states(done) == [RunState.FINISHED] * 4
    assert [(run.spec.seed, run.spec.scenario) for run in done.runs] == [
        (1, "heads-only"),
        (1, "full"),
        (2, "heads-only"),
        (2, "full"),
    ]
    starts = [run.started_at for run in done.runs]
    assert starts == sorted(starts, key=str)  # each is claimed alone, in the order of the queue
    assert None not in starts
    progress = lab.comparison_progress(made.id)
    assert (progress.finished, progress.total, progress.share_done) == (4, 4, 1.0)
    assert progress.remaining_seconds is None


def test_only_the_runs_of_the_first_seed_save_their_models(lab: Lab, wait_until: Wait) -> None:
    made = lab.start_comparison(comparison_spec())
    assert [run.keeps_model for run in made.runs] == [True, True, False, False]
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    for run in made.runs:
        started = lab.store.latest(run.id, "run_started")
        folder = str(lab.settings.run_folder(run.id)) if run.keeps_model else "None"
        assert isinstance(started, RunStarted)
        assert started.notes[0] == folder


def test_equal_comparisons_queue_equal_runs(idle_lab: Lab) -> None:
    first, second = (idle_lab.start_comparison(comparison_spec()) for _ in range(2))
    assert first.id != second.id
    assert [run.spec for run in first.runs] == [run.spec for run in second.runs]


@pytest.mark.parametrize(
    ("what", "problem", "told"),
    [
        ({"scenarios": ("top-7", "full", "none")}, UnknownScenario, r"top-7.*none"),
        ({"checkpoint": "bert-bas-uncased"}, UnknownCheckpoint, "bert-base-uncased"),
        ({"checkpoint": "bert-large-uncased"}, MissingWeights, "bert-large-uncased"),
        ({"data": "/etc/data.yaml"}, DataError, "is not allowed here"),
        ({"train_sizes": (50, 401)}, DataError, "It has 400: choose 1 to 400"),
        ({"train_sizes": (1, 50)}, DataError, "cannot cover its 2 classes"),
        ({"examples": {"ner": 401}}, DataError, "It has 400: choose 1 to 400"),
        ({"also_evaluate": ("/etc/data.yaml",)}, DataError, "is not allowed here"),
    ],
)
def test_an_invalid_comparison_is_refused_before_anything_is_queued(
    idle_lab: Lab, what: dict[str, object], problem: type[Exception], told: str
) -> None:
    with pytest.raises(problem, match=told):
        idle_lab.start_comparison(comparison_spec(**what))
    assert (idle_lab.store.comparisons(), idle_lab.store.runs()) == ([], [])


def test_a_stopped_comparison_is_resumed_without_losing_runs(lab: Lab, wait_until: Wait) -> None:
    made = lab.start_comparison(comparison_spec(scenarios=("full",), seeds=(1, 99, 2)))
    wait_until(lambda: states(lab.store.comparison(made.id))[1] is RunState.RUNNING)
    lab.stop_comparison(made.id)
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    stopped = lab.store.comparison(made.id)
    assert states(stopped) == [RunState.FINISHED, RunState.STOPPED, RunState.STOPPED]
    gone_on = lab.resume_comparison(made.id)
    assert gone_on.runs[0] == stopped.runs[0]
    assert [run.spec.seed for run in gone_on.runs] == [1, 99, 2]
    wait_until(lambda: states(lab.store.comparison(made.id))[1] is RunState.RUNNING)
    lab.stop(lab.store.comparison(made.id).runs[1].id)
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    end = lab.store.comparison(made.id)
    assert states(end) == [RunState.FINISHED, RunState.STOPPED, RunState.FINISHED]
    assert lab.store.run(stopped.runs[1].id).role is RunRole.REPLACED


def test_seeds_are_added_to_a_finished_comparison_and_the_look_is_counted(
    lab: Lab, wait_until: Wait
) -> None:
    made = lab.start_comparison(comparison_spec(scenarios=("full",), seeds=(1, 2)))
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    assert lab.add_seeds(made.id, (2, 1)).spec == made.spec
    more = lab.add_seeds(made.id, (1, 2, 5))
    assert (more.spec.seeds, more.spec.looks) == ((1, 2, 5), (2,))
    assert more.spec.seeds_at_looks == ((1, 2),)
    assert "3 seeds" in more.name
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    end = lab.store.comparison(made.id)
    assert states(end) == [RunState.FINISHED] * 3
    assert [run.spec.seed for run in end.runs] == [1, 2, 5]
    assert end.runs[2].spec.plan == end.runs[0].spec.plan
    assert end.runs[2].spec.data_digests == end.runs[0].spec.data_digests
    with pytest.raises(BadInput, match="Seed -1: it must be a whole number from 0"):
        lab.add_seeds(made.id, (-1,))
    assert lab.store.comparison(made.id) == end


def test_no_seeds_are_added_to_ten_since_they_change_no_verdict(lab: Lab, wait_until: Wait) -> None:
    made = lab.start_comparison(comparison_spec(scenarios=("full",), seeds=tuple(range(10))))
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    with pytest.raises(
        BadInput, match=r"has 10 seeds\. After 10, adding seeds cannot change a verdict"
    ):
        lab.add_seeds(made.id, (10,))


def test_seeds_are_not_added_to_unfinished_runs_nor_beyond_twenty(
    idle_lab: Lab, lab: Lab, wait_until: Wait
) -> None:
    waiting = idle_lab.start_comparison(comparison_spec(seeds=(1,)))
    with pytest.raises(BadInput, match="2 runs are unfinished: resume it first"):
        idle_lab.add_seeds(waiting.id, (2,))
    made = lab.start_comparison(comparison_spec(scenarios=("full",), seeds=(1,)))
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    with pytest.raises(BadInput, match="21 seeds are too many: a comparison has at most 20"):
        lab.add_seeds(made.id, range(1, 22))


def test_a_failed_run_does_not_affect_the_others(lab: Lab, wait_until: Wait) -> None:
    made = lab.start_comparison(comparison_spec(scenarios=("full",), seeds=(13, 1)))
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    assert states(lab.store.comparison(made.id)) == [RunState.FAILED, RunState.FINISHED]
    progress = lab.comparison_progress(made.id)
    assert (progress.failed, progress.finished, progress.share_done) == (1, 1, 0.5)


def test_a_reserved_lab_and_other_labs_leave_each_others_runs_alone(
    settings: Settings,
    trainer_argv: list[str],
    inspector_argv: list[str],
    idle_lab: Lab,
    wait_until: Wait,
) -> None:
    others = idle_lab.start_comparison(comparison_spec())
    with Lab(settings, trainer_argv, inspector_argv, reserved=True) as reserved:
        mine = reserved.start_comparison(comparison_spec())
        elsewhere = Owner("another machine", 1, None)
        taken = claim(idle_lab.store, elsewhere)
        assert taken is not None
        assert taken.comparison == others.id
        wait_until(lambda: reserved.comparison_progress(mine.id).ended)
        assert states(reserved.store.comparison(mine.id)) == [RunState.FINISHED] * 4
        waiting = reserved.store.comparison(others.id)
        assert states(waiting)[1:] == [RunState.WAITING] * 3
        reserved.resume_comparison(others.id)
        assert claim(idle_lab.store, elsewhere) is None


def test_a_reserved_lab_trains_at_the_priority_of_its_own_process(
    settings: Settings, trainer_argv: list[str], inspector_argv: list[str], wait_until: Wait
) -> None:
    with Lab(settings, trainer_argv, inspector_argv, reserved=True) as reserved:
        made = reserved.start_comparison(comparison_spec(scenarios=("full",), seeds=(99,)))
        wait_until(lambda: reserved.store.latest(made.runs[0].id, "run_started") is not None)
        started = reserved.store.latest(made.runs[0].id, "run_started")
        assert isinstance(started, RunStarted)
        assert os.getpriority(os.PRIO_PROCESS, int(started.notes[1])) == os.nice(0)


def test_a_deleted_comparison_can_be_restored(idle_lab: Lab) -> None:
    made = idle_lab.start_comparison(comparison_spec())
    idle_lab.delete_comparison(made.id)
    assert idle_lab.store.runs() == []
    assert idle_lab.undo_delete_comparison(made.id) == made


def test_a_sweep_selects_the_factor_with_the_best_headline_score(
    lab: Lab, wait_until: Wait
) -> None:
    made = lab.start_comparison(comparison_spec(scenarios=("heads-only",), sweep=(1.0, 2.0, 4.0)))
    assert [(run.role, run.factor) for run in made.trial_runs] == [
        (RunRole.SWEEP, factor) for factor in (1.0, 2.0, 4.0)
    ]
    assert all(run.held for run in made.runs)
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    done = lab.store.comparison(made.id)
    base = made.trial_runs[0].spec.plan
    (_, own), *_ = (base.rates_in(phase) for phase in base.phases)
    assert own == 0.0071  # the children of these tests do best at 0.02
    assert states(done) == [RunState.FINISHED] * 2
    for run in done.runs:
        assert run.spec.plan.rates_in(run.spec.plan.phases[0])[1] == pytest.approx(2 * own)
    assert done.runs[0].id == made.trial_runs[1].id
    assert [(run.role, run.factor) for run in done.trial_runs] == [
        (RunRole.SWEEP, 1.0),
        (RunRole.SWEEP, 4.0),
    ]


def test_models_of_rejected_factors_are_removed(
    idle_lab: Lab, store: RunStore, settings: Settings
) -> None:
    made = idle_lab.start_comparison(comparison_spec(scenarios=("heads-only",), sweep=(1.0, 2.0)))
    lost, won = made.trial_runs
    for run, accuracy in ((lost, 0.5), (won, 0.6)):
        settings.run_folder(run.id).mkdir(parents=True)
        finish(store, run.id, accuracy)
    advance(store, settings, made.id)
    assert not settings.run_folder(lost.id).exists()
    assert settings.run_folder(won.id).exists()
    once = store.comparison(made.id)
    advance(store, settings, made.id)
    assert store.comparison(made.id) == once


def test_the_first_of_two_equal_factors_is_selected(
    idle_lab: Lab, store: RunStore, settings: Settings
) -> None:
    made = idle_lab.start_comparison(comparison_spec(scenarios=("heads-only",), sweep=(2.0, 1.0)))
    for run in made.trial_runs:
        finish(store, run.id, 0.5)
    advance(store, settings, made.id)
    assert store.comparison(made.id).runs[0].id == made.trial_runs[0].id


def test_a_sweep_without_a_finished_run_fails_and_can_be_resumed(
    idle_lab: Lab, store: RunStore, settings: Settings
) -> None:
    made = idle_lab.start_comparison(comparison_spec(scenarios=("heads-only",), sweep=(1.0, 2.0)))
    for run in made.trial_runs:
        store.request_stop(run.id)
    advance(store, settings, made.id)
    failed = store.comparison(made.id)
    assert states(failed) == [RunState.FAILED] * 2
    assert "No run of the learning rate sweep" in (failed.runs[0].reason or "")
    again = idle_lab.resume_comparison(made.id)
    assert [run.state for run in (*again.trial_runs, *again.runs)] == [RunState.WAITING] * 4
    assert [run.held for run in again.runs] == [True, True]


def test_a_sweep_on_validation_sentences_without_entities_selects_no_factor(
    idle_lab: Lab, store: RunStore, settings: Settings
) -> None:
    made = idle_lab.start_comparison(comparison_spec(scenarios=("heads-only",), sweep=(1.0, 2.0)))
    for run in made.trial_runs:
        finish(store, run.id, None)
    advance(store, settings, made.id)
    failed = store.comparison(made.id)
    assert states(failed) == [RunState.FAILED] * 2
    assert (failed.runs[0].reason or "").startswith(
        "No learning rate can be selected: the validation sentences contain no entities"
    )


def test_a_single_factor_is_applied_without_a_sweep(idle_lab: Lab) -> None:
    made = idle_lab.start_comparison(comparison_spec(scenarios=("heads-only",), sweep=(0.5,)))
    assert made.trial_runs == ()
    plan = made.runs[0].spec.plan
    assert plan.rates_in(plan.phases[0])[1] == pytest.approx(0.00355)


def test_an_equal_time_is_measured_once_and_converted_to_epochs(lab: Lab, wait_until: Wait) -> None:
    made = lab.start_comparison(comparison_spec(scenarios=("heads-only",), seconds=2.0))
    (pace,) = made.trial_runs
    assert (pace.role, pace.spec.epochs, pace.keeps_model) == (RunRole.PACE, 1.0, False)
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    assert [run.spec.epochs for run in lab.store.comparison(made.id).runs] == [4.0, 4.0]
    again = lab.start_comparison(comparison_spec(scenarios=("heads-only",), seconds=3.0))
    assert again.trial_runs == ()
    assert [run.spec.epochs for run in again.runs] == [6.0, 6.0]


def test_a_run_without_the_loss_of_a_task_does_other_work() -> None:
    plain, twice, unused = (
        spec_of("full").model_copy(
            update={"plan": scenario_plan("full", minilm()).model_copy(update={"task_weights": w})}
        )
        for w in ({}, {"ner": 2.0}, {"ner": 0.0})
    )
    assert workload(plain) == workload(twice) != workload(unused)
    for slower in ({"micro_batch_size": 2}, {"gradient_checkpointing": True}):
        assert workload(plain) != workload(plain.model_copy(update=slower))


def test_an_equal_time_is_measured_before_a_sweep(lab: Lab, wait_until: Wait) -> None:
    made = lab.start_comparison(comparison_spec(scenarios=("full",), seconds=2.0, sweep=(1.0, 2.0)))
    assert [run.held for run in made.trial_runs] == [False, True, True]
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    done = lab.store.comparison(made.id)
    assert states(done) == [RunState.FINISHED] * 2
    assert [run.spec.epochs for run in done.runs] == [4.0, 4.0]
    assert {run.spec.plan.head_learning_rate for run in done.runs} == {0.02}


def test_several_numbers_of_sentences_save_models_of_the_largest_only(
    lab: Lab, wait_until: Wait
) -> None:
    made = lab.start_comparison(
        comparison_spec(scenarios=("full",), seeds=(1, 99), train_sizes=SIZES)
    )
    assert [train_size(run.spec) for run in made.runs] == [200, 100, 50] * 2
    assert [run.keeps_model for run in made.runs] == [True, *[False] * 5]
    wait_until(lambda: states(lab.store.comparison(made.id))[3] is RunState.RUNNING)
    lab.stop_comparison(made.id)
    wait_until(lambda: lab.comparison_progress(made.id).ended)
    progress = lab.comparison_progress(made.id)
    assert (progress.finished, progress.stopped, progress.total) == (3, 3, 6)
    stopped = lab.store.comparison(made.id)
    gone_on = lab.resume_comparison(made.id)
    assert [(run.spec.seed, train_size(run.spec)) for run in gone_on.runs] == [
        (seed, size) for seed in (1, 99) for size in (200, 100, 50)
    ]
    assert gone_on.runs[:3] == stopped.runs[:3]
    lab.stop_comparison(made.id)


def test_the_sweep_is_repeated_at_each_number_of_sentences(
    idle_lab: Lab, store: RunStore, settings: Settings
) -> None:
    made = idle_lab.start_comparison(
        comparison_spec(
            scenarios=("heads-only",), seeds=(1, 2), train_sizes=(50, 100), sweep=(1.0, 2.0)
        )
    )
    assert [(train_size(run.spec), run.factor) for run in made.trial_runs] == [
        (100, 1.0),
        (100, 2.0),
        (50, 1.0),
        (50, 2.0),
    ]
    assert [run.keeps_model for run in made.trial_runs] == [True, True, False, False]
    for run, accuracy in zip(made.trial_runs, (0.5, 0.6, 0.8, 0.7), strict=True):
        finish(store, run.id, accuracy)
    advance(store, settings, made.id)
    done = store.comparison(made.id)
    assert [run.id for run in done.runs[:2]] == [made.trial_runs[1].id, made.trial_runs[2].id]
    assert not any(run.held for run in done.runs)
    plans = [run.spec.plan for run in done.runs[2:]]
    assert [plan.rates_in(plan.phases[0])[1] for plan in plans] == pytest.approx([0.0142, 0.0071])


def test_an_equal_time_is_measured_at_each_number_of_sentences(idle_lab: Lab) -> None:
    made = idle_lab.start_comparison(
        comparison_spec(scenarios=("full",), seeds=(1,), train_sizes=(50, 100), seconds=2.0)
    )
    assert [(run.role, train_size(run.spec)) for run in made.trial_runs] == [
        (RunRole.PACE, 100),
        (RunRole.PACE, 50),
    ]


def test_the_remaining_time_is_known_once_a_run_has_finished(
    idle_lab: Lab, store: RunStore, settings: Settings
) -> None:
    made = idle_lab.start_comparison(comparison_spec(scenarios=("heads-only",), seeds=(1, 2, 3)))
    now = datetime.now(UTC)
    assert progress_of(store, made, now).remaining_seconds is None
    claim(store, Owner.this_process())
    finish(store, made.runs[0].id, 0.5)
    record = store.comparison(made.id)
    first = record.runs[0]
    assert first.started_at is not None
    assert first.finished_at is not None
    took = (first.finished_at - first.started_at).total_seconds()
    progress = progress_of(store, record, now)
    assert progress.remaining_seconds == pytest.approx(2 * took)
    assert progress.share_done == pytest.approx(1 / 3)


def test_the_remaining_time_of_runs_at_the_same_time_is_that_of_the_longest_place(
    idle_lab: Lab, store: RunStore
) -> None:
    made = idle_lab.start_comparison(comparison_spec(scenarios=("heads-only",), seeds=(1, 2, 3, 4)))
    for _ in range(3):
        claim(store, Owner.this_process())
    finish(store, made.runs[0].id, 0.5)
    record = store.comparison(made.id)
    first = record.runs[0]
    assert first.started_at is not None
    assert first.finished_at is not None
    took = (first.finished_at - first.started_at).total_seconds()
    progress = progress_of(store, record, first.finished_at, at_once=2)
    assert [run.id for run in progress.current] == [made.runs[1].id, made.runs[2].id]
    assert progress.remaining_seconds == pytest.approx(2 * took)
    assert progress_of(store, record, first.finished_at, 3).remaining_seconds == pytest.approx(took)


def test_runs_trained_together_occupy_one_place_of_the_remaining_time(
    idle_lab: Lab, store: RunStore
) -> None:
    made = idle_lab.start_comparison(
        comparison_spec(scenarios=("heads-only",), seeds=(1, 2, 3, 4, 5))
    )
    me = Owner.this_process()
    (first,) = store.claim_job(me)
    finish(store, first.id, 0.5)
    group = store.claim_job(me, group=lambda first, others: (first, *others[:2]))
    assert [run.id for run in group] == [run.id for run in made.runs[1:4]]
    record = store.comparison(made.id)
    first = record.runs[0]
    assert first.started_at is not None
    assert first.finished_at is not None
    took = (first.finished_at - first.started_at).total_seconds()
    progress = progress_of(store, record, first.finished_at, at_once=2)
    assert (progress.running, progress.waiting) == (3, 1)
    assert progress.remaining_seconds == pytest.approx(3 * took)
    totals = Counts(all=10, trainable=1, frozen=9, unreached=0)
    began = RunStarted(
        elapsed_seconds=0.0, run=group[0].id, spec=group[0].spec, totals=totals, total_steps=4
    )
    step = Step(elapsed_seconds=0.0, phase="heads", step=2, epoch=0.5, loss={}, learning_rates={})
    store.append(group[0].id, [began, step])
    assert group[0].started_at is not None
    soon = group[0].started_at + timedelta(seconds=took / 10)
    quick = progress_of(store, store.comparison(made.id), soon, at_once=2)
    assert quick.remaining_seconds == pytest.approx(took)  # of the waiting run, in the other place
    together = progress_of(store, store.comparison(made.id), soon, at_once=1)
    assert together.remaining_seconds == pytest.approx(took / 10 + took, abs=1e-5)


def test_scouts_come_before_results_scenario_by_scenario(idle_lab: Lab) -> None:
    made = idle_lab.start_comparison(comparison_spec(sweep=(1.0, 2.0), seeds=(1,)))
    queue = [(run.spec.scenario, run.role) for run in idle_lab.store.active()]
    assert queue == [
        ("heads-only", RunRole.SWEEP),
        ("heads-only", RunRole.SWEEP),
        ("full", RunRole.SWEEP),
        ("full", RunRole.SWEEP),
        ("heads-only", RunRole.RUN),
        ("full", RunRole.RUN),
    ]
    assert planned_runs(made.spec, [run.spec for run in made.runs])[0].role is RunRole.SWEEP


def finish(store: RunStore, run: str, accuracy: float | None) -> None:
    """Ends a run with this accuracy; None: with an undefined entity F1 alone."""
    nothing = TokenScore(loss=0.1, entity_f1=None, precision=None, recall=None)
    store.append(
        run,
        [
            RunFinished(
                elapsed_seconds=1.0,
                run=run,
                metrics={"ner": nothing}
                if accuracy is None
                else {"sentiment": SentenceScore(loss=0.1, accuracy=accuracy, macro_f1=accuracy)},
                frozen_identical=True,
                frozen_tensors=9,
                peak_memory_bytes=1,
                training_seconds=0.5,
                evaluation_seconds=0.5,
                total_seconds=1.0,
            )
        ],
    )
