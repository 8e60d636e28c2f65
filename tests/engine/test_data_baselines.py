"""Baselines of data sets: computed in the background, once per content."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mtl_core.engine.baselines import DataBaselines, content_key
from mtl_core.engine.inspector import Inspector
from mtl_core.errors import ChildDied, InternalError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.baselines import Baseline, baselines_of_data
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.tasks.example import Example
from mtl_core.tasks.task import DEFAULT_TASKS

Wait = Callable[..., None]


def reviews(*rows: tuple[str, str]) -> tuple[Example, ...]:
    return tuple(Example(text, None, {"sentiment": label}) for text, label in rows)


def small(reference: str = "small", last: str = "negative") -> Dataset:
    train = reviews(("good fun", "positive"), ("good", "positive"), ("dull plot", "negative"))
    validation = reviews(("good plot", "positive"), ("dull", last))
    return Dataset(reference, DEFAULT_TASKS, train, validation, {}, {})


@pytest.fixture
def inspector(inspector_argv: list[str]) -> Iterator[Inspector]:
    asked = Inspector(inspector_argv)
    yield asked
    asked.close()


def test_the_child_computes_the_same_baselines_to_the_digit(inspector: Inspector) -> None:
    dataset = load_dataset("sample", ANY_FILE, {"sentiment": 50})
    assert inspector.baselines(dataset) == baselines_of_data(dataset)


def test_get_returns_none_until_the_baselines_are_computed(
    tmp_path: Path, wait_until: Wait
) -> None:
    may_continue = threading.Event()
    scored: list[str] = []

    def score(dataset: Dataset) -> tuple[Baseline, ...]:
        may_continue.wait(30)
        scored.append(dataset.reference)
        return baselines_of_data(dataset)

    baselines = DataBaselines(tmp_path, score)
    assert baselines.get(small()) is None
    assert baselines.get(small()) is None
    assert baselines.is_computing(small())
    may_continue.set()
    wait_until(lambda: not baselines.is_computing(small()))
    assert baselines.get(small()) == baselines_of_data(small())
    assert scored == ["small"]


def test_baselines_are_stored_for_the_next_server(tmp_path: Path) -> None:
    found = DataBaselines(tmp_path, baselines_of_data).wait_for(small())
    assert DataBaselines(tmp_path, _never_called).get(small("elsewhere")) == found


def test_a_file_that_cannot_be_read_is_scored_again(tmp_path: Path) -> None:
    (tmp_path / f"{content_key(small())}.json").write_text("[")
    found = DataBaselines(tmp_path, baselines_of_data).wait_for(small())
    assert found == baselines_of_data(small())
    assert DataBaselines(tmp_path, _never_called).get(small()) == found


def test_baselines_are_returned_even_if_they_cannot_be_stored(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    baselines = DataBaselines(tmp_path / "a file", baselines_of_data)
    assert baselines.wait_for(small()) == baselines_of_data(small())
    assert baselines.get(small()) == baselines_of_data(small())


def test_one_other_label_is_other_content(tmp_path: Path) -> None:
    baselines = DataBaselines(tmp_path, baselines_of_data)
    words = [baselines.wait_for(small(last=label))[1].values for label in ("negative", "positive")]
    assert words == [{"sentiment": 1.0}, {"sentiment": 0.5}]
    fewer = replace(small(), train=small().train[1:])
    assert len({content_key(each) for each in (small(), small(last="positive"), fewer)}) == 3


@pytest.mark.parametrize(
    ("problem", "kind", "message"),
    [
        (ChildDied("It ran out of memory."), ChildDied, "It ran out of memory"),
        (ValueError("a mistake of ours"), InternalError, "Unexpected ValueError: a mistake of"),
    ],
    ids=["expected", "unexpected"],
)
def test_an_error_is_raised_once_and_the_next_call_computes_again(
    tmp_path: Path, problem: Exception, kind: type[Exception], message: str
) -> None:
    problems = [problem]

    def score(dataset: Dataset) -> tuple[Baseline, ...]:
        if problems:
            raise problems.pop()
        return baselines_of_data(dataset)

    baselines = DataBaselines(tmp_path, score)
    with pytest.raises(kind, match=message):
        baselines.wait_for(small())
    assert baselines.wait_for(small()) == baselines_of_data(small())


def _never_called(dataset: Dataset) -> tuple[Baseline, ...]:
    raise AssertionError(f"{dataset.reference} was to be read, not scored")
