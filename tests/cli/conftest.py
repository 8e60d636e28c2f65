"""The command line, called in the process of the tests."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mtl_core.cli.entry import run
from tests.commands import Answer, Command


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run one command; a warning that it raises fails the test as everywhere."""

    def answer(*arguments: object) -> Answer:
        capsys.readouterr()
        code = run([str(each) for each in arguments])
        return Answer(code, *capsys.readouterr())

    return answer


@pytest.fixture
def train(command: Command, tiny_checkpoint: Path, tiny_data: Path) -> Command:
    """`train` on the tiny checkpoint and data; later options win."""

    def answer(*arguments: object) -> Answer:
        tiny = ("--checkpoint", tiny_checkpoint, "--data", tiny_data, "--max-length", 16)
        return command("train", *tiny, *arguments)

    return answer


@pytest.fixture
def refused(command: Command) -> Callable[..., str]:
    """Run a command that must be refused as bad input; its one message."""

    def message(*arguments: object) -> str:
        answer = command(*arguments)
        assert answer.code == 2, answer
        assert answer.out == ""
        assert "Traceback" not in answer.err
        lines = answer.err.splitlines()
        assert len(lines) == 1, lines
        return lines[0]

    return message
