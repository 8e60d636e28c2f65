"""Threads and parallel runs from the environment."""

import pytest

from mtl_core.errors import BadInput
from mtl_core.settings import Settings, available_cores


@pytest.mark.parametrize(
    ("threads", "parallel", "expected"),
    [
        (None, "3", (min(available_cores(), 4), 1, 3)),
        (None, "1", (min(available_cores(), 4), min(available_cores(), 4), 1)),
        ("2", "3", (2, 2, 3)),
        ("2", None, (2, 2, available_cores())),
    ],
)
def test_runs_of_a_comparison_have_one_thread_unless_threads_are_given_or_one_runs_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
    threads: str | None,
    parallel: str | None,
    expected: tuple[int, int, int],
) -> None:
    for name, value in (("THREADS", threads), ("PARALLEL_RUNS", parallel)):
        monkeypatch.delenv(f"FREEZE_LAB_{name}")
        if value is not None:
            monkeypatch.setenv(f"FREEZE_LAB_{name}", value)
    settings = Settings.from_environment()
    single, several = settings.threads_of_each(1), settings.threads_of_each(2)
    assert (single, several, settings.parallel_runs) == expected


def test_the_limits_of_reading_are_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.from_environment().read_seconds == 20
    monkeypatch.setenv("FREEZE_LAB_READ_SECONDS", "5")
    monkeypatch.setenv("FREEZE_LAB_READ_BYTES", "0")
    settings = Settings.from_environment()
    assert (settings.read_seconds, settings.read_bytes) == (5, 0)
    monkeypatch.setenv("FREEZE_LAB_READ_BYTES", "1000")
    with pytest.raises(BadInput, match=r"FREEZE_LAB_READ_BYTES=1000: at least 250,000,000 bytes"):
        Settings.from_environment()
