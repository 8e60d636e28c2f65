"""Commands of the command line, run in the process of the tests."""

import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mtl_core.cli.entry import run


class Answer(NamedTuple):
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


Command = Callable[..., Answer]


def run_in_home(home: Path, *arguments: object) -> Answer:
    """Run one command on the store in `home`, for fixtures of a module."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setenv("FREEZE_LAB_HOME", str(home))
        patch.setenv("FREEZE_LAB_THREADS", "1")
        patch.setenv("HF_HUB_OFFLINE", "1")
        code = run([str(each) for each in arguments])
    return Answer(code, out.getvalue(), err.getvalue())
