"""A lab of the test's own, for pages that AppTest draws."""

from collections.abc import Iterator

import pytest

from mtl_core.engine import lab as lab_module
from mtl_core.engine.lab import Lab
from mtl_core.settings import Settings


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """The process's lab, on this test's own store; nobody works through its queue."""
    opened = Lab(Settings.from_environment())
    monkeypatch.setattr(lab_module, "_lab", opened)
    yield opened
    opened.close()
