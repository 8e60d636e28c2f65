"""The Streamlit settings that `serve` passes to the dashboard's server."""

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from mtl_core.app_files import app_folder
from mtl_core.cli.serve import _command, _ended, _environment, _teacher_key
from mtl_core.errors import BadInput

ROOT = Path(__file__).parents[2]
AS_A_USER = ("setpriv", "--bounding-set=-dac_override") if os.getuid() == 0 else ()
"""Root without the capability to write into read-only folders."""

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


def server_settings(folder: Path) -> dict[str, Any]:
    """The values of the shipped settings in a server that `serve` starts in `folder`."""
    arguments = _command("127.0.0.1", 8600)[4:]  # without `python -P -m streamlit`
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
        "server.allowedHosts": ["*"],  # the dashboard checks them itself
        "client.showErrorLinks": "false",
    }


def test_a_variable_of_the_user_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMLIT_SERVER_MAX_UPLOAD_SIZE", "7")

    assert server_settings(tmp_path)["server.maxUploadSize"] == 7


def test_a_teacher_key_is_made_where_others_can_reach_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert _teacher_key("127.0.0.1") is None
    assert _teacher_key("::1") is None
    made = {_teacher_key("0.0.0.0") for _ in range(2)}  # noqa: S104 - not bound
    assert len(made) == 2
    assert all(key is not None and len(key) == 12 for key in made)
    monkeypatch.setenv("FREEZE_LAB_TEACHER_KEY", "of my own")
    assert _teacher_key("0.0.0.0") is None  # noqa: S104 - not bound


def test_a_short_teacher_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREEZE_LAB_TEACHER_KEY", "1234")
    with pytest.raises(BadInput, match="has 4 characters; at least 8 are needed"):
        _teacher_key("0.0.0.0")  # noqa: S104 - not bound


def test_a_killed_server_says_what_most_often_killed_it_and_to_start_it_again() -> None:
    assert _ended(-9) == (
        "The dashboard's server ended. The process was ended by SIGKILL. Most often the system ran "
        "out of memory: try a smaller batch size or maximum length, or a plan that trains only "
        "higher layers. Start it again: interrupted runs of visitors are resumed."
    )


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@pytest.fixture
def folders() -> Iterator[tuple[Path, Path]]:
    """A folder that the server's user cannot write into, and one that it can."""
    parent = Path(tempfile.mkdtemp())
    read_only, writable = parent / "read-only", parent / "home"
    for folder, mode in ((read_only, 0o555), (writable, 0o777), (parent, 0o755)):
        folder.mkdir(exist_ok=True)
        folder.chmod(mode)
    yield read_only, writable
    shutil.rmtree(parent, ignore_errors=True)


def test_the_server_writes_only_into_its_home_and_the_folder_for_temporary_files(
    folders: tuple[Path, Path],
) -> None:
    """As in a container with `--read-only --tmpfs /tmp`."""
    read_only, writable = folders
    port = free_port()
    serve = subprocess.Popen(
        [*AS_A_USER, sys.executable, "-m", "mtl_core", "serve", "--port", str(port)],
        cwd=read_only,
        env={
            **os.environ,
            "HOME": str(read_only),
            "FREEZE_LAB_HOME": str(writable),
            "TMPDIR": str(writable),
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert serve.stdout is not None
        assert "is running at" in serve.stdout.readline()
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=60) as answer:
            assert json.load(answer) == {"ready": True, "queue_is_paused": False}
    finally:
        serve.terminate()
        output, _ = serve.communicate(timeout=30)
    assert "Traceback" not in output
    assert (writable / "runs.sqlite").is_file()
    assert list(read_only.iterdir()) == []
