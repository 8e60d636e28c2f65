import pytest

from mtl_core.report.run_words import (
    duration,
    rate_words,
    shared_words,
    spent_words,
    step_time,
    unusual_words,
)
from mtl_core.training.events import RunFinished
from tests.run_story import spec_of


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.0 s"),
        (9.94, "9.9 s"),
        (9.99, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (161, "2 min 41 s"),
        (3599.7, "1 h 0 min"),
        (3900, "1 h 5 min"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_step_times_are_in_the_unit_that_suits() -> None:
    assert step_time(0.0421) == "42 ms per step"
    assert step_time(0.87) == "0.87 s per step"
    assert step_time(9.0) == "9 s per step"


def test_rates_that_change_between_phases_are_in_order() -> None:
    rates = [("heads", 1e-2), ("heads", 1e-3), ("encoder", 3e-4), ("heads", 1e-3)]
    assert rate_words(rates) == "heads 1e-2 then 1e-3, encoder 3e-4"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, []),
        ({"random_backbone": True}, ["random encoder"]),
        ({"device": "cuda", "precision": "bfloat16"}, ["on cuda", "in bfloat16"]),
        ({"starts_from": "a-run"}, ["starts from a-run"]),
        ({"weight_decay": 0.1, "head_dropout": 0.0}, ["weight decay 0.1", "head dropout 0"]),
        ({"max_grad_norm": 5.0}, ["max gradient norm 5"]),
        ({"label_noise": {"sentiment": 0.3, "ner": 0.3}}, ["30 % wrong labels"]),
        ({"label_noise": {"ner": 0.1}}, ["10 % wrong labels in NER"]),
    ],
)
def test_unusual_settings_are_listed(changes: dict[str, object], words: list[str]) -> None:
    assert unusual_words(spec_of("heads-only", **changes)) == words


def test_the_parts_of_a_duration_add_up_to_the_total() -> None:
    end = RunFinished(
        elapsed_seconds=23.0,
        run="a-run",
        metrics={},
        frozen_identical=True,
        frozen_tensors=87,
        peak_memory_bytes=826_000_000,
        training_seconds=5.2,
        evaluation_seconds=2.4,
        prefix_seconds=6.0,
        total_seconds=23.0,
    )
    assert spent_words(end) == (
        "training 5.2 s, evaluation 2.4 s, outputs of frozen layers 6.0 s, "
        "loading, checks and measures 9.4 s"
    )
    unfrozen = end.model_copy(update={"prefix_seconds": 0.0, "total_seconds": 7.6})
    assert spent_words(unfrozen) == "training 5.2 s, evaluation 2.4 s"


@pytest.mark.parametrize(
    ("together", "beside", "words"),
    [
        (None, None, ""),
        (None, 0, ""),
        (None, 1, " alongside 1 other"),
        (3, None, " for 3 runs"),
        (3, 2, " for 3 runs, alongside 2 others"),
    ],
)
def test_shared_seconds_are_marked(together: int | None, beside: int | None, words: str) -> None:
    assert shared_words(together, beside) == words
