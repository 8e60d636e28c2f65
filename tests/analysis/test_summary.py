import pytest

from mtl_core.analysis.outlook import begin
from mtl_core.analysis.reading import extend, interrupted_summary, summarise
from mtl_core.analysis.summary import ProgressState
from mtl_core.training.events import PrefixReuse, RunFailed
from tests.run_story import (
    Story,
    both,
    finished_heads_only,
    minilm,
    scores,
    spec_of,
)


def gradual() -> Story:
    return Story(spec_of("gradual", epochs=4.0), [10, 10, 10, 10])


def test_a_run_without_events_has_the_trainable_parts_of_each_phase() -> None:
    summary = begin("a-run", spec_of("gradual"), minilm())
    assert [phase.learning for phase in summary.phases] == [
        "heads",
        "heads and layer 5",
        "heads and layers 4 and 5",
        "heads and layers 3 to 5",
    ]
    assert [phase.trainable for phase in summary.phases] == [2_310, 1_776_774, 3_551_238, 5_325_702]
    assert [phase.newly_trainable for phase in summary.phases[1:]] == [
        ("layer 5",),
        ("layer 4",),
        ("layer 3",),
    ]
    assert {phase.state for phase in summary.phases} == {ProgressState.WAITING}
    assert summary.progress is ProgressState.WAITING
    assert summary.remaining_seconds is None


def test_a_run_without_its_model_still_has_its_phases() -> None:
    summary = begin("a-run", spec_of("gradual"))
    assert [phase.name for phase in summary.phases] == [
        "heads",
        "+ layer 5",
        "+ layer 4",
        "+ layer 3",
    ]
    assert summary.phases[1].trainable is None


def test_phases_are_done_running_and_waiting_with_their_steps() -> None:
    story = gradual().start().phase(1).learn([both(1.0)] * 10).end_phase(1)
    summary = summarise("a-run", story.spec, story.phase(2).learn([both(0.5)] * 4, 2), minilm())
    states = [phase.state for phase in summary.phases]
    assert states == [
        ProgressState.DONE,
        ProgressState.RUNNING,
        ProgressState.WAITING,
        ProgressState.WAITING,
    ]
    assert [phase.steps for phase in summary.phases] == [10, 10, 10, 10]
    assert [phase.steps_done for phase in summary.phases] == [10, 4, 0, 0]
    assert [phase.first_step for phase in summary.phases] == [0, 10, 20, 30]
    assert summary.phases[0].frozen_identical is True
    assert summary.phases[0].frozen_tensors == 103
    assert summary.phase is not None
    assert summary.phase.number == 2
    assert (summary.step, summary.total_steps, summary.share_done) == (14, 40, 0.35)


def test_a_phase_has_a_summary_of_reused_outputs_unless_the_run_is_older() -> None:
    story = gradual().start().phase(1)
    reused = PrefixReuse(from_layer=6, layers=6, stored_bytes=12_000_000)
    telling = [*story.events[:-1], story.events[-1].model_copy(update={"prefix": reused})]

    told = summarise("a-run", story.spec, telling, minilm()).phases
    silent = summarise("a-run", story.spec, story, minilm()).phases

    assert told[0].reuse == (
        "Prefix reuse: only the heads run on every step; the layers below ran once per sentence "
        "(12 MB)."
    )
    assert (told[1].reuse, silent[0].reuse) == (None, None)


def test_a_phase_in_which_nothing_learns_has_no_steps() -> None:
    story = Story(spec_of("frozen"), [0]).start()
    summary = summarise("a-run", story.spec, story, minilm())
    assert summary.phases[0].steps == 0
    assert summary.share_done == 0.0


def test_a_loss_of_zero_is_kept_apart_from_no_loss() -> None:
    story = gradual().start().phase()
    story.learn([{"sentiment": 0.0, "ner": None}, {"sentiment": 0.5, "ner": 0.25}])
    summary = summarise("a-run", story.spec, story)
    assert [(point.step, point.loss) for point in summary.task("sentiment").losses] == [
        (1, 0.0),
        (2, 0.5),
    ]
    assert [(point.step, point.loss) for point in summary.task("ner").losses] == [(2, 0.25)]


def test_the_smoothed_loss_begins_at_the_first_and_follows_the_corrected_average() -> None:
    story = gradual().start().phase().learn([both(1.0), both(0.0), both(0.0)])
    losses = summarise("a-run", story.spec, story).task("ner").losses
    assert losses[0].smoothed == pytest.approx(1.0)
    assert losses[1].smoothed == pytest.approx(0.9 / 1.9)
    assert losses[2].smoothed == pytest.approx(0.81 / 2.71)


def test_first_and_latest_headline_metric_are_those_of_the_evaluations() -> None:
    story = gradual().start().evaluate(scores(0.45, 0.02)).phase().learn([both(1.0)])
    summary = summarise("a-run", story.spec, story.evaluate(scores(0.8, 0.3)))
    assert (summary.task("sentiment").first, summary.task("sentiment").latest) == (0.45, 0.8)
    assert (summary.task("ner").first, summary.task("ner").latest) == (0.02, 0.3)
    assert summary.phases[0].scores == {"sentiment": 0.8, "ner": 0.3}


def test_the_scores_before_training_belong_to_no_phase() -> None:
    story = gradual().start().evaluate(scores(0.45, 0.02))
    assert summarise("a-run", story.spec, story).phases[0].scores == {}


def test_time_left_is_steps_at_the_running_phases_speed_and_pauses_in_proportion() -> None:
    story = (
        gradual().start().phase(1).learn([both(1.0)] * 10).evaluate(scores(0.5, 0.1)).end_phase(1)
    )
    story.phase(2)
    story.step_seconds = 2.0
    summary = summarise("a-run", story.spec, story.learn([both(0.5)] * 5, 2), minilm())
    assert summary.phases[0].seconds_per_step == pytest.approx(0.5)
    assert summary.seconds_per_step == pytest.approx(2.0)
    assert summary.pause_seconds == pytest.approx(1.0)
    assert summary.remaining_seconds == pytest.approx(25 * (2.0 + 1.0 / 15))


def test_the_remaining_time_needs_a_timed_step() -> None:
    story = gradual().start().phase().learn([both(1.0)])
    assert summarise("a-run", story.spec, story).remaining_seconds is None


def test_reading_in_two_parts_gives_what_reading_at_once_gives() -> None:
    events = finished_heads_only().events
    whole = summarise("a-run", spec_of("heads-only"), events, minilm())
    for cut in range(len(events)):
        part = summarise("a-run", spec_of("heads-only"), events[:cut], minilm())
        assert extend(part, events[cut:]) == whole


def test_reading_nothing_changes_nothing() -> None:
    summary = summarise("a-run", spec_of("heads-only"), finished_heads_only(), minilm())
    assert extend(summary, []) == summary


def test_a_finished_run_carries_its_proof_and_is_whole() -> None:
    summary = summarise("a-run", spec_of("heads-only"), finished_heads_only(), minilm())
    assert summary.finished is not None
    assert (summary.finished.frozen_identical, summary.finished.frozen_tensors) == (True, 103)
    assert summary.share_done == 1.0
    assert summary.remaining_seconds is None
    assert summary.events == 16


def test_a_failed_run_has_its_reason_and_its_earlier_events() -> None:
    story = gradual().start().phase().learn([both(1.0)] * 3)
    events = [*story, RunFailed(elapsed_seconds=9.0, reason="memory ran out")]
    summary = summarise("a-run", story.spec, events)
    assert (summary.reason, summary.step, summary.progress) == (
        "memory ran out",
        3,
        ProgressState.DONE,
    )
    assert summary.phases[0].state is ProgressState.INTERRUPTED


def test_a_run_whose_process_ended_is_interrupted_in_its_phase() -> None:
    story = gradual().start().phase().learn([both(1.0)] * 3)
    summary = interrupted_summary(summarise("a-run", story.spec, story))
    assert [phase.state for phase in summary.phases[:2]] == [
        ProgressState.INTERRUPTED,
        ProgressState.WAITING,
    ]
    assert summary.remaining_seconds is None


def test_rates_are_the_plans_for_what_learns() -> None:
    summary = begin("a-run", spec_of("gradual"), minilm())
    assert summary.phases[0].rates == (("heads", 0.01),)
    assert summary.phases[1].rates == (("heads", 0.001), ("encoder", 0.0003))
