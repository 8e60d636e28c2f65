"""This machine's speed, measured in the background by a child of its own."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.cost.speed import load_speed, machine
from mtl_core.engine import lab as lab_module
from mtl_core.engine.calibration import Calibration
from mtl_core.engine.lab import Lab
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from mtl_core.training.spec import RunSpec
from tests.visiting import visited

Wait = Callable[..., None]
SpecOf = Callable[[str], RunSpec]


def line_of_cost(app: AppTest) -> str:
    return next(str(each.value) for each in app.markdown if "**One step**" in each.value)


@pytest.fixture
def calibration(
    settings: Settings, store: RunStore, inspector_argv: list[str]
) -> Iterator[Calibration]:
    """One that may measure, by a child that answers when a file `go` is in the home."""
    made = Calibration(settings, store, tuple, inspector_argv)
    made.enable()
    yield made
    made.close()


def test_speed_starts_a_measurement_and_does_not_wait_for_it(
    calibration: Calibration, settings: Settings, wait_until: Wait
) -> None:
    assert calibration.speed() is None
    assert calibration.measuring
    assert calibration.speed() is None
    (settings.home / "go").touch()
    wait_until(lambda: not calibration.measuring)
    measured = calibration.speed()
    assert measured is not None
    assert measured.machine == machine(settings)
    assert load_speed(settings) == measured
    assert not calibration.measuring


def test_nothing_is_measured_before_the_lab_is_open_or_while_a_run_is_active(
    settings: Settings,
    store: RunStore,
    inspector_argv: list[str],
    calibration: Calibration,
    spec_of: SpecOf,
) -> None:
    shut = Calibration(settings, store, tuple, inspector_argv)
    assert shut.speed() is None
    assert not shut.measuring
    store.add(spec_of("learn"))
    assert calibration.speed() is None
    assert not calibration.measuring


def test_a_measurement_is_cancelled_by_a_run_and_repeated_after_it(
    calibration: Calibration,
    settings: Settings,
    store: RunStore,
    spec_of: SpecOf,
    wait_until: Wait,
) -> None:
    assert calibration.speed() is None
    run = store.add(spec_of("learn")).id
    wait_until(lambda: not calibration.measuring)
    (settings.home / "go").touch()
    assert calibration.speed() is None
    assert not calibration.measuring
    store.request_stop(run)
    assert not store.active()
    assert calibration.speed() is None
    wait_until(lambda: not calibration.measuring)
    assert calibration.speed() == load_speed(settings) is not None


def test_a_measurement_is_cancelled_when_a_trainer_starts(
    settings: Settings, store: RunStore, inspector_argv: list[str], wait_until: Wait
) -> None:
    trainer: list[int | None] = [None]
    other = Calibration(settings, store, lambda: trainer[0], inspector_argv)
    other.enable()
    assert other.speed() is None
    trainer[0] = 4711
    wait_until(lambda: not other.measuring)
    (settings.home / "go").touch()
    assert load_speed(settings) is None


def test_a_failed_measurement_is_logged_once_and_not_repeated(
    calibration: Calibration,
    settings: Settings,
    wait_until: Wait,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (settings.home / "fail").touch()
    assert calibration.speed() is None
    wait_until(lambda: not calibration.measuring)
    assert "The speed of this machine could not be measured" in caplog.text
    assert calibration.speed() is None
    assert not calibration.measuring


def test_close_cancels_a_running_measurement(calibration: Calibration, settings: Settings) -> None:
    assert calibration.speed() is None
    calibration.close()
    assert not calibration.measuring
    assert calibration.speed() is None
    assert not calibration.measuring
    assert load_speed(settings) is None


def test_an_idle_trainer_does_not_prevent_a_measurement(
    settings: Settings, store: RunStore, inspector_argv: list[str], wait_until: Wait
) -> None:
    other = Calibration(settings, store, lambda: 4711, inspector_argv)
    other.enable()
    assert other.speed() is None
    (settings.home / "go").touch()
    wait_until(lambda: other.speed() is not None)


def test_the_freeze_page_shows_seconds_once_they_are_measured(
    settings: Settings,
    inspector_argv: list[str],
    wait_until: Wait,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Lab(settings, inspector_argv=inspector_argv) as lab:
        monkeypatch.setattr(lab_module, "_lab", lab)
        app = visited("freeze")
        assert " s here, full " not in line_of_cost(app)
        (settings.home / "go").touch()
        wait_until(lambda: lab.speed() is not None)
        app.run()
        assert not app.exception
        assert " s here, full " in line_of_cost(app)


def test_an_open_lab_measures_in_the_real_child_without_importing_torch_itself(
    settings: Settings, wait_until: Wait
) -> None:
    had = "torch" in sys.modules
    with Lab(settings) as lab:
        assert lab.speed() is None
        wait_until(lambda: lab.speed() is not None, 120.0)
        found = lab.speed()
    assert found is not None
    assert 0 < found.forward_seconds_per_flop < 1e-6
    assert ("torch" in sys.modules) == had
    assert Path(settings.costs).is_dir()
