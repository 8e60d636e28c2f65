"""The lab of a test, for pages that AppTest draws."""

from collections.abc import Iterator

import pytest

from mtl_core.engine import lab as lab_module
from mtl_core.engine.inspector import Inspector
from mtl_core.engine.lab import Lab
from mtl_core.engine.reading_processes import ReadingProcesses
from mtl_core.settings import READ_BYTES, READ_SECONDS, Settings


class SharedInspector(Inspector):
    """An inspector whose process is not ended with a lab: starting it takes seconds."""

    def close(self) -> None:
        pass

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="session")
def shared_inspector() -> Iterator[SharedInspector]:
    inspector = SharedInspector()
    yield inspector
    inspector.end()


class SharedReadingProcesses(ReadingProcesses):
    """Reading processes that are not ended with a lab."""

    def close(self) -> None:
        pass

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="session")
def shared_reading() -> Iterator[SharedReadingProcesses]:
    processes = SharedReadingProcesses(READ_SECONDS, READ_BYTES)
    yield processes
    processes.end()


@pytest.fixture(autouse=True)
def _shared_processes(
    shared_inspector: SharedInspector,
    shared_reading: SharedReadingProcesses,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All labs of the tests of pages send their requests to the same processes."""
    monkeypatch.setattr(lab_module, "Inspector", lambda _argv: shared_inspector)
    monkeypatch.setattr(lab_module, "ReadingProcesses", lambda *_limits: shared_reading)


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The process's lab, on the store of this test; it executes no run."""
    opened = Lab(Settings.from_environment())
    monkeypatch.setattr(lab_module, "_lab", opened)
    yield opened
    opened.close()
