"""A child process: its messages, how it ends, and that it never outlives its parent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mtl_core.engine.child import ChildProcess, child_environment, driver_environment, module_argv
from mtl_core.engine.protocol import (
    EventMessage,
    FromChild,
    PackagesLoaded,
    Ready,
    RequestFailed,
    StartingMessage,
    Stop,
    Train,
)
from mtl_core.errors import ChildDied
from mtl_core.file_access import ANY_FILE
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Stage, Starting

Wait = Callable[[Callable[[], bool]], None]

ORPHAN_MAKER = """
import sys, time
from mtl_core.engine.child import ChildProcess
from mtl_core.engine.protocol import EventMessage, Train
from mtl_core.file_access import ANY_FILE
from mtl_core.training.spec import RunSpec

child = ChildProcess([sys.executable, sys.argv[1]])
child.send(Train(run="r", spec=RunSpec.model_validate_json(sys.argv[2]), access=ANY_FILE))
received = 0
while received < 2:
    received += isinstance(child.receive(30), EventMessage)
print(child.pid, flush=True)
time.sleep(600)
"""


def python(code: str) -> ChildProcess:
    return ChildProcess([sys.executable, "-c", code])


def next_message(child: ChildProcess) -> FromChild:
    message = child.receive(30)
    assert message is not None
    return message


def test_a_busy_child_exits_when_its_parent_is_killed(
    trainer_argv: list[str],
    spec_of: Callable[[str], RunSpec],
    wait_until: Wait,
    is_gone: Callable[[int], bool],
) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", ORPHAN_MAKER, trainer_argv[1], spec_of("deaf").model_dump_json()],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert not is_gone(child)
    parent.send_signal(signal.SIGKILL)
    parent.communicate()
    wait_until(lambda: is_gone(child))


def test_garbage_between_messages_is_ignored() -> None:
    child = python(
        "import os\n"
        'os.write(1, b\'loading...\\n{"message": "ready"}\\n\\xff\\n{"message"\')\n'
        'os.write(1, b\': "request_failed", "kind": "BadInput", "reason": "no"}\\nthe end\')'
    )
    assert next_message(child) == Ready()
    assert next_message(child) == RequestFailed(kind="BadInput", reason="no")
    with pytest.raises(ChildDied, match=r"The process ended with exit status 0\."):
        child.receive(30)
    child.close()


def test_a_dead_child_raises_on_every_call() -> None:
    child = python("import sys; print('out of ideas', file=sys.stderr); sys.exit(3)")
    last_line = r"exit status 3\. Last line of its error output: out of ideas"
    for _ in range(2):
        with pytest.raises(ChildDied, match=last_line):
            child.receive(30)
    with pytest.raises(ChildDied, match="exit status 3"):
        child.send(Stop(run="r"))
    child.close()


def test_a_flood_of_errors_neither_blocks_the_child_nor_fills_the_memory() -> None:
    child = python(
        "import sys\n"
        "for line in range(20000): print(line, 'x' * 100, file=sys.stderr)\n"
        "sys.stderr.write('y' * 1_000_000)\n"
        "print('\\nlast', file=sys.stderr)\n"
        'print(\'{"message": "ready"}\')'
    )
    assert next_message(child) == Ready()
    assert child.exit_description().endswith("Last line of its error output: last")
    child.close()


def test_no_message_in_time_is_none() -> None:
    child = python("import sys; sys.stdin.read()")
    assert child.receive(0.01) is None
    assert child.alive
    child.close()
    assert not child.alive


def test_a_child_that_does_not_exit_is_killed(is_gone: Callable[[int], bool]) -> None:
    child = python('import time, os; print(\'{"message": "ready"}\', flush=True); time.sleep(600)')
    assert next_message(child) == Ready()
    child.close()
    assert is_gone(child.pid)


def test_killing_a_child_kills_the_processes_it_started(
    wait_until: Wait, is_gone: Callable[[int], bool]
) -> None:
    child = python(
        "import subprocess, sys, time\n"
        "worker = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        'print(\'{"message": "request_failed", "kind": "", "reason": "%d"}\' % worker.pid)\n'
        "sys.stdout.flush()\n"
        "time.sleep(600)"
    )
    answer = next_message(child)
    assert isinstance(answer, RequestFailed)
    child.kill()
    wait_until(lambda: is_gone(int(answer.reason)))


def test_a_child_has_quiet_threads_and_no_network() -> None:
    child = python(
        "import os\n"
        "from mtl_core.engine.protocol import RequestFailed, encode\n"
        "names = ('GOMP_SPINCOUNT', 'KMP_BLOCKTIME', 'TOKENIZERS_PARALLELISM', 'HF_HUB_OFFLINE')\n"
        "seen = ' '.join(os.environ[name] for name in names)\n"
        "os.write(1, encode(RequestFailed(kind='', reason=seen)))"
    )
    assert next_message(child) == RequestFailed(kind="", reason="10000 1 false 1")
    child.close()


def test_the_real_trainer_ignores_modules_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queue.py").write_text("raise SystemExit('a stranger was imported')")
    monkeypatch.chdir(tmp_path)
    child = ChildProcess(module_argv("mtl_core.engine.trainer_child"))
    assert next_message(child) == Ready()
    child.close()


def test_a_message_of_any_size_reaches_the_child(
    trainer_argv: list[str], spec_of: Callable[[str], RunSpec]
) -> None:
    child = ChildProcess(trainer_argv)
    spec = spec_of("quick").model_copy(update={"versions": {"x": "y" * 1_000_000}})
    child.send(Train(run="r", spec=spec, access=ANY_FILE))
    assert next_message(child) == Ready()
    assert next_message(child) == PackagesLoaded()
    reading = Starting(stage=Stage.DATA)
    assert next_message(child) == StartingMessage(run="r", starting=reading)
    began = next_message(child)
    assert isinstance(began, EventMessage)
    assert began.event.spec == spec  # type: ignore[union-attr]
    child.close()


def test_ctrl_c_in_the_terminal_does_not_reach_the_child() -> None:
    child = python("import sys; sys.stdin.read()")
    assert os.getpgid(child.pid) != os.getpgid(0)
    child.close()


def test_a_child_gets_no_secrets_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "FREEZE_LAB_TEACHER_KEY", "FREEZE_LAB_DATABASE_URL"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("FREEZE_LAB_DATA", "/data")
    given = child_environment()
    assert "secret" not in given.values()
    assert (given["FREEZE_LAB_DATA"], given["PATH"]) == ("/data", os.environ["PATH"])


def test_a_driver_gets_what_ssh_and_slurm_read_and_no_secret_of_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SSH_AUTH_SOCK", "KUBECONFIG", "SLURM_CONF", "FREEZE_LAB_TEACHER_KEY"):
        monkeypatch.setenv(name, "value")
    monkeypatch.setenv("FREEZE_LAB_DATABASE_URL", "postgresql://user:password@host/runs")
    given = driver_environment()
    assert given["SSH_AUTH_SOCK"] == given["KUBECONFIG"] == given["SLURM_CONF"] == "value"
    assert not {"FREEZE_LAB_TEACHER_KEY", "FREEZE_LAB_DATABASE_URL"} & set(given)
