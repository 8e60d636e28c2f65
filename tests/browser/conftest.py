"""A real server and a real browser. The browser is $CHROMIUM, or the one on the path."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from mtl_core.cost.speed import Speed, machine, save_speed
from mtl_core.settings import Settings

ROOT = Path(__file__).parents[2]
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
DEADLINE = 60_000  # milliseconds; as long as a busy machine may need, not a measure
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        found = (shutil.which(name) for name in CHROMIUMS)
        path = os.environ.get("CHROMIUM") or next(filter(None, found), None)
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        expect.set_options(timeout=DEADLINE)
        opened = browser.new_page(viewport={"width": 1440, "height": 900})
        opened.set_default_timeout(DEADLINE)
        yield opened
        browser.close()


@pytest.fixture
def address() -> Iterator[str]:
    """The dashboard on this test's own home, in which this machine's speed is known already: no
    test waits beside its measurement."""
    settings = Settings.from_environment()
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
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "mtl_core", "serve", "--port", str(port)]
    server = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url, deadline = f"http://localhost:{port}", monotonic() + 60
    while not answers(port):
        assert server.poll() is None, "the server ended"
        assert monotonic() < deadline, "the server does not answer"
        sleep(0.1)
    yield url
    server.terminate()
    server.wait(timeout=30)


def answers(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
