"""The lab of a test, for pages that AppTest draws."""

from collections.abc import Iterator

import pytest

from mtl_core.engine import lab as lab_module
from mtl_core.engine.inspector import Inspector
from mtl_core.engine.lab import Lab
from mtl_core.settings import Settings


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


@pytest.fixture(autouse=True)
def _one_inspector(shared_inspector: SharedInspector, monkeypatch: pytest.MonkeyPatch) -> None:
    """All labs of the tests of pages send their requests to one process."""
    monkeypatch.setattr(lab_module, "Inspector", lambda _argv: shared_inspector)


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The process's lab, on the store of this test; it executes no run."""
    opened = Lab(Settings.from_environment())
    monkeypatch.setattr(lab_module, "_lab", opened)
    yield opened
    opened.close()
