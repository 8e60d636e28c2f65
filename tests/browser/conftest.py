"""A real server and a real browser. The browser is $CHROMIUM, or the one on the path."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = (shutil.which(name) for name in CHROMIUMS)
        path = os.environ.get("CHROMIUM") or next(filter(None, found), None)
        launched = playwright.chromium.launch(executable_path=path, args=QUIET)
        expect.set_options(timeout=DEADLINE)
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page without the cookies and the cache of other tests."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(DEADLINE)
    yield context.new_page()
    context.close()


@pytest.fixture
def address() -> Iterator[str]:
    """A dashboard with the home of this test."""
    with served(Settings.from_environment()) as url:
        yield url


@pytest.fixture(scope="session")
def shared_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A dashboard for tests that add nothing to its store, which has only the included runs."""
    with served(Settings(home=tmp_path_factory.mktemp("shared") / "home", threads=1)) as url:
        yield url


@contextmanager
def served(settings: Settings) -> Iterator[str]:
    """The address of a dashboard in which the speed of this machine was measured before."""
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
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = monotonic() + 60
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
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_stcore/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
