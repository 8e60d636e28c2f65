"""A server of the dashboard and a Chromium, for tests and for the pictures of the documents."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep

from playwright.sync_api import Browser, Playwright

from mtl_core.cost.speed import Speed, machine, save_speed
from mtl_core.settings import Settings

ROOT = Path(__file__).parents[2]
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
_STARTUP_SECONDS = 180  # as long as a busy machine may need, not a measure
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def launched(playwright: Playwright, arguments: Sequence[str] = ()) -> Browser:
    """Start a Chromium: $CHROMIUM, the one on the path, or Playwright's own."""
    found = (shutil.which(name) for name in CHROMIUMS)
    path = os.environ.get("CHROMIUM") or next(filter(None, found), None)
    return playwright.chromium.launch(executable_path=path, args=[*QUIET, *arguments])


def save_fixed_speed(settings: Settings) -> None:
    """Save a speed of this machine, which is then not measured."""
    save_speed(
        Speed(
            machine=machine(settings),
            forward_seconds_per_flop=1e-11,
            keeping_seconds_per_byte=0.0,
            backward_seconds_per_flop=1e-11,
            optimizer_seconds_per_parameter=1e-9,
        ),
        settings,
    )


@contextmanager
def served(settings: Settings, **environment: str) -> Iterator[str]:
    """The address of a dashboard that does not measure the speed of this machine."""
    save_fixed_speed(settings)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "mtl_core", "serve", "--port", str(port)],
        cwd=ROOT,
        env=os.environ
        | {
            "FREEZE_LAB_HOME": str(settings.home),
            "FREEZE_LAB_THREADS": "1",
            "FREEZE_LAB_PARALLEL_RUNS": "1",
            "HF_HUB_OFFLINE": "1",
            "FREEZE_LAB_WARM_UP": "0",
        }
        | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = monotonic() + _STARTUP_SECONDS
    try:
        while not answers(port):
            assert server.poll() is None, "the server ended"
            assert monotonic() < deadline, "the server does not answer"
            sleep(0.1)
        yield f"http://localhost:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def answers(port: int) -> bool:
    """Whether the server on this port is healthy."""
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
