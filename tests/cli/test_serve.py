"""The Streamlit settings that `serve` passes to the dashboard's server."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtl_core.app_files import app_folder
from mtl_core.cli.serve import _command, _environment

SHIPPED = app_folder() / ".streamlit" / "config.toml"
REPORT = """
import json, sys
from streamlit import config
from streamlit.web import bootstrap, cli

def report(_file, args, flag_options):
    bootstrap.load_config_options(flag_options)
    print(json.dumps({key: config.get_option(key) for key in args}))

cli._main_run = lambda file, args, flag_options: report(file, args, flag_options)
cli.main(sys.argv[1:])
"""


def flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def shipped_settings() -> dict[str, Any]:
    return dict(flat(tomllib.loads(SHIPPED.read_text(encoding="utf-8"))))


def server_settings(folder: Path, address: str = "127.0.0.1") -> dict[str, Any]:
    """The values of the shipped settings in a server that `serve` starts in `folder`."""
    arguments = _command(address, 8600)[4:]  # without `python -P -m streamlit`
    shown = subprocess.run(
        [sys.executable, "-c", REPORT, *arguments, *shipped_settings()],
        cwd=folder,
        env=_environment(None),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(shown.stdout)
    for key in ("theme.headingFontSizes", "theme.headingFontWeights"):
        found[key] = json.loads(found[key])  # Streamlit parses it when a session starts
    return found


def test_the_settings_hold_in_any_folder(tmp_path: Path) -> None:
    other = tmp_path / ".streamlit" / "config.toml"
    other.parent.mkdir()
    other.write_text("[theme]\nbaseFontSize = 30\n[runner]\npostScriptGC = true\n")
    shipped = shipped_settings()

    assert len(shipped) > 80
    assert server_settings(tmp_path) == shipped | {
        "server.port": 8600,
        "client.showErrorLinks": "false",
    }


def test_another_address_may_be_reached_by_any_name(tmp_path: Path) -> None:
    assert server_settings(tmp_path, "0.0.0.0")["server.allowedHosts"] == ["*"]  # noqa: S104 - not bound


def test_a_variable_of_the_user_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_MAX_UPLOAD_SIZE", "7")

    assert server_settings(tmp_path)["server.maxUploadSize"] == 7
