"""The checks of an installation."""

from pathlib import Path

import pytest

from mtl_core.engine.doctor import Finding, findings
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder


def checked(home: Path) -> dict[str, Finding]:
    return {each.check: each for each in findings(Settings(home=home, threads=1))}


def test_an_installation_in_order_has_nothing_to_do(home: Path) -> None:
    RunStore(home / "runs.sqlite").close()
    found = checked(home)
    assert [each.remedy for name, each in found.items() if name not in ("memory", "disk")] == (
        [None] * 7
    )
    assert "digest verified" in found["included weights"].found
    assert found["store"].found.endswith("0 running and 0 waiting runs")


def test_a_paused_queue_a_readable_folder_and_a_damaged_store_are_found(home: Path) -> None:
    store = RunStore(home / "runs.sqlite")
    store.pause(True)
    store.close()
    home.chmod(0o755)
    found = checked(home)
    assert found["store"].remedy == "`freeze-lab runs resume` lets waiting runs start again."
    assert found["folder"].remedy == (
        f"Others on this machine can read your runs: `chmod 700 {home}`."
    )
    (home / "runs.sqlite").write_bytes(b"not a database, but long enough to be one" * 100)
    assert "cannot be opened" in checked(home)["store"].found
