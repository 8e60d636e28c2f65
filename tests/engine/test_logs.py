"""The log as JSON lines."""

import json
import logging
from collections.abc import Iterator

import pytest

from mtl_core.engine.logs import configure_logs
from mtl_core.errors import BadInput


@pytest.fixture(autouse=True)
def _log_of_a_new_process() -> Iterator[None]:
    logger = logging.getLogger("mtl_core")
    yield
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True


def test_a_line_is_json_with_the_id_of_its_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FREEZE_LAB_LOG", "json")
    configure_logs()
    logging.getLogger("mtl_core.engine").info("run started", extra={"run": "261129-full"})
    line = json.loads(capsys.readouterr().err)
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "info",
        "logger": "mtl_core.engine",
        "message": "run started",
        "run": "261129-full",
    }


def test_another_form_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEZE_LAB_LOG", "xml")
    with pytest.raises(BadInput, match="FREEZE_LAB_LOG=xml: text or json is needed"):
        configure_logs()
