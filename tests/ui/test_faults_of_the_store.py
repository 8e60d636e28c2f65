"""A store that is damaged or locked: the page says what to do, and shows no traceback."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from streamlit.testing.v1 import AppTest

from mtl_core.app_files import app_folder
from mtl_core.engine import lab as lab_module
from mtl_core.engine.lab import Lab
from mtl_core.settings import Settings
from mtl_core.store import sqlite_file
from tests.visiting import visited


@pytest.fixture
def impatient_lab(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    """A lab whose store does not wait for a lock."""
    monkeypatch.setattr(sqlite_file, "WAIT_SECONDS", 0.1)
    with closing(Lab(Settings.from_environment())) as opened:
        monkeypatch.setattr(lab_module, "_lab", opened)
        yield opened


def test_a_damaged_store_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lab_module, "_lab", None)
    database = Settings.from_environment().database
    database.parent.mkdir()
    database.write_text("a letter to a friend, long enough to be no database " * 40)
    page = AppTest.from_file(str(app_folder() / "app.py"), default_timeout=60).run()
    assert not page.exception
    (message,) = page.error
    assert "file is not a database. Move that file away to start with an empty" in message.value


def test_a_run_that_a_locked_store_refuses_can_be_started_later(impatient_lab: Lab) -> None:
    page = visited("train")
    database = impatient_lab.settings.database
    with closing(sqlite3.connect(database, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        page.button(key="start").click().run()
        assert not page.exception
        assert "Another process has held its lock for 0.1 seconds" in page.error[0].value
        holder.execute("ROLLBACK")
    page.button(key="start").click().run()
    assert len(impatient_lab.store.runs()) == 1
