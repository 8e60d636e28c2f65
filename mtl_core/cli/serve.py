"""The `serve` command: the dashboard."""

import errno
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated

import typer

from mtl_core.errors import BadInput, InternalError

_ROOT = Path(__file__).resolve().parents[2]
_SERVER = _ROOT / "mtl_core" / "ui" / "shared" / "server.py"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PATIENCE_SECONDS = 60.0


def serve(
    port: Annotated[int, typer.Option(min=1, max=65535)] = 8501,
    address: Annotated[
        str, typer.Option(help="Loopback unless you know who can reach it.")
    ] = "127.0.0.1",
) -> None:
    """Open the dashboard; prints its address when it answers. Ctrl-C ends it."""
    _require_free(address, port)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    server = subprocess.Popen(  # noqa: S603 - our own interpreter and app
        _command(address, port), cwd=_ROOT, env=_environment()
    )
    try:
        _wait_until_it_answers(server, address, port)
        print(
            f"Freeze Lab is open at http://{_shown(address)}:{port}  (Ctrl-C ends it)", flush=True
        )
        code = server.wait()
        if code not in (0, -signal.SIGTERM, -signal.SIGINT):
            raise InternalError(f"The dashboard's server ended with exit code {code}.")
    except KeyboardInterrupt:
        print("Freeze Lab is closed.", file=sys.stderr)
    finally:
        _end(server)


def _command(address: str, port: int) -> list[str]:
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(_SERVER)),
        *("--server.port", str(port), "--server.address", address),
    ]
    if address not in _LOOPBACK:
        # Reached by names that only who opened it knows; the shipped list has loopback's alone.
        command += ["--server.allowedHosts", "*"]
    return command


def _environment() -> dict[str, str]:
    """Streamlit's own banner shows an address that is not the one to open."""
    return {
        **os.environ,
        "STREAMLIT_LOGGER_LEVEL": "warning",
        "STREAMLIT_LOGGER_HIDE_WELCOME_MESSAGE": "true",
    }


def _require_free(address: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address or "\0", port))  # to Python '' means every address
        except OSError as problem:
            if isinstance(problem, socket.gaierror) or problem.errno == errno.EADDRNOTAVAIL:
                raise BadInput(_no_address(address)) from None
            raise BadInput(
                f"{address}:{port} cannot be used: {problem.strerror}. "
                f"Choose another port, e.g. --port {port + 1} (make run PORT={port + 1})."
            ) from None
        except (TypeError, ValueError):  # a name that cannot be asked for: NUL, a label too long
            raise BadInput(_no_address(address)) from None


def _no_address(address: str) -> str:
    return (
        f"--address {address!r} is no address of this machine. Leave it out for 127.0.0.1, "
        "or name 0.0.0.0 to be reached from outside."
    )


def _wait_until_it_answers(server: subprocess.Popen[bytes], address: str, port: int) -> None:
    health = f"http://{_shown(address)}:{port}/_stcore/health"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = monotonic() + _PATIENCE_SECONDS
    while monotonic() < deadline:
        if server.poll() is not None:
            raise InternalError(f"The dashboard's server ended with exit code {server.returncode}.")
        try:
            with opener.open(health, timeout=2):
                return
        except OSError:
            sleep(0.1)
    raise InternalError(f"The dashboard did not answer at {health} within {_PATIENCE_SECONDS:g} s.")


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
