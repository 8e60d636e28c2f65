"""Requests to a child process that is started on demand."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mtl_core.cost.profile_cache import read_profile, shipped_profile
from mtl_core.engine.inspector import Inspector
from mtl_core.errors import ChildDied, InternalError, UnsupportedArchitecture
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import Checkpoint

Wait = Callable[[Callable[[], bool]], None]


@pytest.fixture
def inspector(inspector_argv: list[str]) -> Iterator[Inspector]:
    opened = Inspector(inspector_argv)
    yield opened
    opened.close()


def child_is_alive(inspector: Inspector) -> bool:
    return inspector._child is not None and inspector._child.alive


def named(reference: str) -> Checkpoint:
    return Checkpoint(reference=reference, name=reference, config_file=Path("config.json"))


def test_the_child_is_started_by_the_first_request(inspector: Inspector) -> None:
    assert not child_is_alive(inspector)
    inspector.describe(named("minilm-l6"))
    assert child_is_alive(inspector)


def test_costs_are_traced_by_the_same_child(inspector: Inspector) -> None:
    assert inspector.describe(named("minilm-l6")).depth == 6
    traced = inspector.trace_costs(named("minilm-l6"))
    assert traced == read_profile(shipped_profile("minilm-l6"))


def test_several_sessions_at_once_each_get_their_own_answer(inspector: Inspector) -> None:
    asked = ["minilm-l6", "bert-base-uncased", "roberta-base", "distilbert-base-uncased"] * 3
    with ThreadPoolExecutor(8) as sessions:
        answers = list(sessions.map(lambda name: inspector.describe(named(name)), asked))
    assert answers == [read_description(shipped_description(name)) for name in asked]


def test_an_error_is_raised_as_what_it_was(inspector: Inspector) -> None:
    with pytest.raises(UnsupportedArchitecture, match=r"^'gpt2' is a decoder\.$"):
        inspector.describe(named("no encoder"))
    with pytest.raises(InternalError, match="Unexpected ValueError: a mistake of ours"):
        inspector.describe(named("a mistake"))
    assert inspector.describe(named("minilm-l6")).depth == 6


def test_a_child_that_dies_is_reported_and_replaced(inspector: Inspector) -> None:
    with pytest.raises(ChildDied, match=r"'death' could not be described\. .* exit status 3"):
        inspector.describe(named("death"))
    assert inspector.describe(named("minilm-l6")).depth == 6


def test_an_answer_that_takes_too_long_is_given_up(inspector_argv: list[str]) -> None:
    hasty = Inspector(inspector_argv, timeout_seconds=0.5)
    with pytest.raises(InternalError, match=r"'slow' could not be described within 0\.5 seconds"):
        hasty.describe(named("slow"))
    assert not child_is_alive(hasty)
    hasty.close()


def test_an_idle_child_is_ended_and_started_again_on_demand(
    inspector_argv: list[str], wait_until: Wait
) -> None:
    restless = Inspector(inspector_argv, idle_seconds=0.05)
    restless.describe(named("minilm-l6"))
    wait_until(lambda: not child_is_alive(restless))
    assert restless.describe(named("minilm-l6")).depth == 6
    restless.close()
