"""The `serve` command: runs the dashboard."""

import errno
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any

import typer

import mtl_core
from mtl_core.app_files import app_folder
from mtl_core.engine.exit_status import describe_exit
from mtl_core.errors import BadInput, InternalError
from mtl_core.settings import ENDS_WITH_INPUT, Settings, is_loopback

_PACKAGE = Path(mtl_core.__file__).resolve().parent
_SERVER = _PACKAGE / "ui" / "shared" / "server.py"
_STARTUP_SECONDS = 60.0
_KEY_BYTES = 9  # 12 characters


def serve(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
    address: Annotated[
        str,
        typer.Option(
            help="The address to listen on. Keep the default unless only trusted users can reach "
            "it."
        ),
    ] = "127.0.0.1",
) -> None:
    """Run the dashboard and print its address once it responds. Ctrl-C stops it."""
    _require_free(address, port)
    key = _teacher_key(address)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = subprocess.Popen(  # noqa: S603 - our own interpreter and app
        _command(address, port), env=_environment(key), stdin=subprocess.PIPE
    )
    try:
        _wait_until_healthy(server, address, port)
        print(
            f"Freeze Lab is running at http://{_shown(address)}:{port}  (Ctrl-C stops it)",
            flush=True,
        )
        if key is not None:
            print(f"Teacher key, for the Train page: {key}", flush=True)
        code = server.wait()
        if code not in (0, -signal.SIGTERM, -signal.SIGINT):
            raise InternalError(_ended(code))
    except KeyboardInterrupt:
        print("Freeze Lab is stopped.", file=sys.stderr)
    finally:
        _end(server)


def _command(address: str, port: int) -> list[str]:
    return [
        *(sys.executable, "-P", "-m", "streamlit", "run", str(_SERVER)),
        *("--server.port", str(port), "--server.address", address),
        *("--server.allowedHosts", "*"),  # `ui.shared.known_hosts` checks them
    ]


def _teacher_key(address: str) -> str | None:
    """The teacher key to print: a new one, if others can reach the server and none is set."""
    if is_loopback(address) or Settings.from_environment().teacher_key is not None:
        return None
    return secrets.token_urlsafe(_KEY_BYTES)


def _environment(teacher_key: str | None) -> dict[str, str]:
    """The variables of the server process.

    They carry `.streamlit/config.toml`, which Streamlit itself reads only from the working folder.
    A variable that the user has set wins over the file. Streamlit's banner is off: it shows an
    address other than the one to open.
    """
    file = app_folder() / ".streamlit" / "config.toml"
    settings = tomllib.loads(file.read_text(encoding="utf-8"))
    path = os.pathsep.join(filter(None, [str(_PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    return {
        **dict(_as_variables(settings)),
        **os.environ,
        "PYTHONPATH": path,
        **({"FREEZE_LAB_TEACHER_KEY": teacher_key} if teacher_key is not None else {}),
        ENDS_WITH_INPUT: "1",
        "STREAMLIT_LOGGER_LEVEL": "warning",
        "STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE": "true",
    }


def _as_variables(
    settings: Mapping[str, Any], prefix: str = "STREAMLIT"
) -> Iterator[tuple[str, str]]:
    """Yield each setting as the environment variable that Streamlit reads it from."""
    for key, value in settings.items():
        name = f"{prefix}_{re.sub('(?<=[a-z])(?=[A-Z])', '_', key).upper()}"
        if isinstance(value, dict):
            yield from _as_variables(value, name)
        elif isinstance(value, str):
            yield name, value
        elif isinstance(value, list) and not name.startswith("STREAMLIT_THEME"):
            yield name, " ".join(value)  # an option that may be repeated
        else:
            yield name, json.dumps(value)


def _require_free(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address or "\0", port))  # '' would mean every address
        except OSError as problem:
            if isinstance(problem, socket.gaierror) or problem.errno == errno.EADDRNOTAVAIL:
                raise BadInput(_invalid_address(address)) from None
            raise BadInput(
                f"{address}:{port} cannot be used: {problem.strerror}. "
                f"Choose another port, e.g. --port {port + 1} (make run PORT={port + 1})."
            ) from None
        except (TypeError, ValueError):  # not a host name: a NUL byte, or a label that is too long
            raise BadInput(_invalid_address(address)) from None


def _invalid_address(address: str) -> str:
    return (
        f"--address {address!r} is not an address of this machine. Omit the option for 127.0.0.1, "
        "or use 0.0.0.0 to accept connections from other machines."
    )


def _wait_until_healthy(server: subprocess.Popen[bytes], address: str, port: int) -> None:
    health = f"http://{_shown(address)}:{port}/_stcore/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = monotonic() + _STARTUP_SECONDS
    while monotonic() < deadline:
        if server.poll() is not None:
            raise InternalError(_ended(server.returncode))
        try:
            with opener.open(health, timeout=2):
                return
        except OSError:
            sleep(0.1)
    raise InternalError(f"The dashboard did not respond at {health} within {_STARTUP_SECONDS:g} s.")


def _ended(code: int) -> str:
    return (
        f"The dashboard's server ended. {describe_exit(code, ())} Start it again: interrupted "
        "runs of visitors are resumed."
    )


def _shown(address: str) -> str:
    if address in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        return "127.0.0.1"
    return f"[{address}]" if ":" in address else address


def _end(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
            print("The dashboard did not end in 10 seconds and was killed.", file=sys.stderr)
