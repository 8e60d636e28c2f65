"""Baselines of data: worked out beside the pages, by a child, once for each content."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mtl_core.engine.baselines import DataBaselines, content_key
from mtl_core.engine.inspector import Inspector
from mtl_core.errors import ChildDied, InternalError
from mtl_core.tasks.baselines import Baseline, baselines_of_data
from mtl_core.tasks.dataset import Dataset, Example, load_dataset
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


def test_the_child_gives_what_the_data_give_to_the_digit(inspector: Inspector) -> None:
    dataset = load_dataset("sample", {"sentiment": 50})
    assert inspector.baselines(dataset) == baselines_of_data(dataset)


def test_asking_waits_for_nothing_and_is_answered_once_they_are_known(
    tmp_path: Path, wait_until: Wait
) -> None:
    may_go_on = threading.Event()
    scored: list[str] = []

    def score(dataset: Dataset) -> tuple[Baseline, ...]:
        may_go_on.wait(30)
        scored.append(dataset.reference)
        return baselines_of_data(dataset)

    baselines = DataBaselines(tmp_path, score)
    assert baselines.of(small()) is None
    assert baselines.of(small()) is None
    assert baselines.under_way(small())
    may_go_on.set()
    wait_until(lambda: not baselines.under_way(small()))
    assert baselines.of(small()) == baselines_of_data(small())
    assert scored == ["small"]


def test_what_was_scored_is_kept_for_the_next_server(tmp_path: Path) -> None:
    found = DataBaselines(tmp_path, baselines_of_data).awaited(small())
    assert DataBaselines(tmp_path, _of_no_use).of(small("elsewhere")) == found


def test_a_file_that_cannot_be_read_is_scored_again(tmp_path: Path) -> None:
    (tmp_path / f"{content_key(small())}.json").write_text("[")
    found = DataBaselines(tmp_path, baselines_of_data).awaited(small())
    assert found == baselines_of_data(small())
    assert DataBaselines(tmp_path, _of_no_use).of(small()) == found


def test_a_folder_that_cannot_be_written_costs_only_the_keeping(tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    baselines = DataBaselines(tmp_path / "a file", baselines_of_data)
    assert baselines.awaited(small()) == baselines_of_data(small())
    assert baselines.of(small()) == baselines_of_data(small())


def test_one_other_label_is_other_content(tmp_path: Path) -> None:
    baselines = DataBaselines(tmp_path, baselines_of_data)
    words = [baselines.awaited(small(last=label))[1].values for label in ("negative", "positive")]
    assert words == [{"sentiment": 1.0}, {"sentiment": 0.5}]
    fewer = replace(small(), train=small().train[1:])
    assert len({content_key(each) for each in (small(), small(last="positive"), fewer)}) == 3


@pytest.mark.parametrize(
    ("problem", "kind", "told"),
    [
        (ChildDied("It ran out of memory."), ChildDied, "It ran out of memory"),
        (ValueError("a mistake of ours"), InternalError, "Unexpected ValueError: a mistake of"),
    ],
    ids=["said plainly", "unexpected"],
)
def test_what_went_wrong_is_told_once_and_asking_again_begins_anew(
    tmp_path: Path, problem: Exception, kind: type[Exception], told: str
) -> None:
    problems = [problem]

    def score(dataset: Dataset) -> tuple[Baseline, ...]:
        if problems:
            raise problems.pop()
        return baselines_of_data(dataset)

    baselines = DataBaselines(tmp_path, score)
    with pytest.raises(kind, match=told):
        baselines.awaited(small())
    assert baselines.awaited(small()) == baselines_of_data(small())


def _of_no_use(dataset: Dataset) -> tuple[Baseline, ...]:
    raise AssertionError(f"{dataset.reference} was to be read, not scored")
