from collections.abc import Sequence

import pytest

from mtl_core.analysis.finding import loss_finding
from mtl_core.analysis.outlook import begin
from mtl_core.analysis.reading import summarise
from tests.run_story import Story, both, minilm, scores, spec_of


def finding(
    losses: Sequence[float], scenario: str = "top-1", steps: int = 50, *, ended: bool = False
) -> str:
    """The finding on NER where the validation loss takes these values, ten steps apart."""
    story = Story(spec_of(scenario), [steps]).start()
    story.evaluate(scores(0.5, 0.1, (0.5, losses[0]))).phase()
    for loss in losses[1:]:
        story.learn([both(0.5)] * 10).evaluate(scores(0.5, 0.1, (0.5, loss)))
    if ended:
        story.finish(scores(0.5, 0.1, (0.5, losses[-1])))
    summary = summarise("a-run", story.spec, story, minilm())
    return loss_finding(summary, summary.task("ner"))


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([1.4], "loss starts at 1.40 on validation"),
        ([1.4, 0.9, 0.37], "loss falls: 0.37 on validation"),
        ([1.4, 0.5, 0.4, 0.37], "loss falls slowly now: 0.37 on validation"),
        ([1.4, 0.37, 0.371, 0.369], "loss flat since step 10: 0.37 on validation"),
        ([1.4, 0.30, 0.34, 0.37], "loss has risen since step 10: 0.37 on validation"),
        ([0.70, 0.695], "loss has hardly changed: 0.69 on validation"),
        ([0.0, 0.0, 0.0], "loss flat since step 0: 0.00 on validation"),
    ],
    ids=["start", "falls", "slowly", "flat", "rises", "hardly", "zero"],
)
def test_the_finding_follows_the_stated_rules(losses: list[float], words: str) -> None:
    assert finding(losses) == words


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([1.4, 0.9, 0.37], "loss fell: 0.37 on validation"),
        ([1.4, 0.5, 0.4, 0.37], "loss was still falling slowly at the end: 0.37 on validation"),
        ([1.4, 0.30, 0.34, 0.37], "loss rose from step 10: 0.37 on validation"),
        ([0.70, 0.695], "loss has hardly changed: 0.69 on validation"),
    ],
)
def test_an_ended_run_is_described_in_the_past(losses: list[float], words: str) -> None:
    assert finding(losses, ended=True) == words


def test_a_task_that_nothing_learning_serves_learns_nothing() -> None:
    story = Story(spec_of("frozen"), [0]).start().phase().evaluate(scores(0.4, 0.0, (0.7, 1.4)))
    summary = summarise("a-run", story.spec, story, minilm())
    assert (
        loss_finding(summary, summary.task("ner"))
        == "is not trained: its head and everything below are frozen"
    )


def test_a_frozen_head_above_layers_that_learn_still_has_a_moving_loss() -> None:
    assert finding([1.4, 0.9, 0.37], "freeze-head:ner") == "loss falls: 0.37 on validation"


def gradual_finding(in_first: Sequence[float], in_second: Sequence[float]) -> str:
    story = Story(spec_of("gradual", epochs=4.0), [20, 20, 20, 20]).start()
    story.evaluate(scores(0.5, 0.1, (0.5, in_first[0]))).phase(1)
    for loss in in_first[1:]:
        story.learn([both(0.5)] * 10, 1).evaluate(scores(0.5, 0.1, (0.5, loss)), 1)
    story.end_phase(1).phase(2)
    for loss in in_second:
        story.learn([both(0.5)] * 10, 2).evaluate(scores(0.5, 0.1, (0.5, loss)), 2)
    summary = summarise("a-run", story.spec, story, minilm())
    return loss_finding(summary, summary.task("ner"))


def test_a_drop_after_a_thaw_names_what_thawed() -> None:
    words = gradual_finding([1.4, 1.25, 1.2], [0.88])
    assert words == "loss dropped after unfreezing layer 5: 0.88 on validation"


def test_a_loss_that_falls_as_before_is_not_put_down_to_the_thaw() -> None:
    assert gradual_finding([1.4, 1.2, 1.0], [0.8]) == "loss falls: 0.80 on validation"


def test_a_small_drop_is_not_put_down_to_the_thaw() -> None:
    assert "unfreezing" not in gradual_finding([1.4, 1.2, 1.2], [1.17])


def test_before_anything_is_measured_the_finding_says_so() -> None:
    summary = begin("a-run", spec_of("top-1"), minilm())
    assert loss_finding(summary, summary.task("ner")) == "loss is not measured yet"
