"""The dashboard is killed, started again and ended in the middle of a real run."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from urllib.request import urlopen

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect

from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.dataset import load_tasks
from mtl_core.training.saved_state import saved_at, saved_events
from mtl_core.training.spec import RunSpec

PATIENCE_SECONDS = 120
CLOSED = "Freeze Lab was closed during this run. Resume it to continue after its last saved step."


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = monotonic() + PATIENCE_SECONDS
    while not condition():
        assert monotonic() < deadline, "the condition is still false"
        sleep(0.05)


@pytest.fixture
def serve(
    tmp_path: Path, tiny_checkpoint: Path, tiny_data: Path
) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start `serve` on the test's home folder and wait until it is ready."""
    started = []
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = str(found.getsockname()[1])
    folders = {"CHECKPOINTS": tiny_checkpoint.parent, "DATA": tiny_data.parent}
    settings = {"HOME": tmp_path / "home", "PORT": port, **folders}

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "mtl_core", "serve", "--port", port],
            env=os.environ | {f"FREEZE_LAB_{name}": str(value) for name, value in settings.items()},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"Freeze Lab is running at http://127.0.0.1:{port}")
        process.port = port  # type: ignore[attr-defined]
        with urlopen(f"http://127.0.0.1:{port}/ready", timeout=60) as answer:
            assert json.load(answer) == {"ready": True, "queue_is_paused": False}
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def below(pid: int) -> set[int]:
    """The processes that a process has started, and those that they have started."""
    found: set[int] = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        found |= {int(child) for child in children.read_text().split()}
    return found.union(*map(below, found))


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def long_spec(checkpoint: Path, data: Path) -> RunSpec:
    """The spec of a run of minutes, whose state is saved after the first of its phases."""
    phases = (
        Phase(name="heads", train=("heads",), epochs=1),
        Phase(name="all", train=("all",), epochs=999),
    )
    return RunSpec(
        checkpoint=str(checkpoint),
        data=str(data),
        plan=Plan(name="all", phases=phases),
        tasks=load_tasks(str(data), ANY_FILE),
        epochs=1000,
        batch_size=4,
        max_length=16,
        measure=False,
    )


@contextmanager
def browser(run: str, port: str) -> Iterator[None]:
    """A browser that shows the page of a run; it is closed at the end."""
    request = BackMsg()
    request.rerun_script.query_string = f"run={run}"
    request.rerun_script.page_name = "train"
    with connect(
        f"ws://127.0.0.1:{port}/_stcore/stream",
        origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
        subprotocols=["streamlit"],  # type: ignore[list-item]
    ) as connection:
        connection.send(request.SerializeToString())
        answer = ForwardMsg()
        while answer.WhichOneof("type") != "script_finished":
            answer.ParseFromString(connection.recv(60))  # type: ignore[arg-type]
        yield


def test_a_run_outlives_the_browser_and_a_killed_dashboard_and_is_saved_when_it_is_ended(
    serve: Callable[[], subprocess.Popen[str]],
    tmp_path: Path,
    tiny_checkpoint: Path,
    tiny_data: Path,
) -> None:
    settings = Settings(home=tmp_path / "home", threads=1)
    with closing(RunStore(settings.database)) as store:
        run = store.add(long_spec(tiny_checkpoint, tiny_data), visitor="ann").id

        def steps() -> list[int]:
            events = store.events(run, kinds={"step"})
            return [event.step for _, event in events]  # type: ignore[union-attr]

        def goes_on() -> None:
            before = store.run(run).last_event
            wait_for(lambda: store.run(run).last_event > before + 1)
            assert store.run(run).state is RunState.RUNNING

        first = serve()
        wait_for(lambda: len(steps()) > 3)
        with browser(run, first.port):  # type: ignore[attr-defined]
            goes_on()
        goes_on()

        left = below(first.pid)
        assert len(left) >= 3  # the server, the trainer and its copy
        first.kill()
        wait_for(lambda: all(map(is_gone, left)))
        kept = store.run(run).last_event
        assert store.run(run).state is RunState.RUNNING

        second = serve()
        wait_for(lambda: store.run(run).last_event > 10)
        goes_on()
        assert steps() == list(range(1, len(steps()) + 1))
        assert kept > 3

        began_at = store.run(run).started_at
        assert began_at is not None  # a run of less than five seconds is not worth a state
        wait_for(lambda: datetime.now(UTC) - began_at > timedelta(seconds=6))
        with browser(run, second.port):  # type: ignore[attr-defined]
            left = below(second.pid)
            second.send_signal(signal.SIGTERM)
            _, complaint = second.communicate(timeout=20)
        # it ended by itself: if `serve` has to kill it, it reports that too
        assert (second.returncode, complaint) == (0, "Freeze Lab is stopped.\n")
        assert all(map(is_gone, left))
        assert (store.run(run).state, store.run(run).reason) == (RunState.INTERRUPTED, CLOSED)
        state = settings.state_folder(run)
        assert saved_at(state) is not None
        saved = [event.step for event in saved_events(state) if event.event == "step"]
        assert len(saved) > 10
        assert len(saved) >= len(steps()) - 2
