"""The command line imports only what the given command needs."""

import subprocess
import sys

import pytest

from mtl_core.cli.entry import COMMANDS, application

HEAVY = {
    "numpy",
    "pandas",
    "plotly",
    "scipy",
    "seqeval",
    "sklearn",
    "sqlalchemy",
    "streamlit",
    "torch",
    "transformers",
}
IMPORTED = """
import sys
from mtl_core.cli.entry import run
code = run(sys.argv[1:])
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
sys.exit(code)
"""


def imported_by(*arguments: str) -> set[str]:
    """Run a command in a new process; the packages that it imported."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "command",
    ["--version", "scenarios", "inspect --checkpoint minilm-l6 --scenario top-1", "plan --help"],
)
def test_a_command_that_trains_nothing_imports_no_heavy_package(command: str) -> None:
    assert imported_by(*command.split()) & HEAVY == set()


def test_verdicts_are_printed_without_reading_the_runs_behind_them() -> None:
    assert imported_by("claims") & HEAVY <= {"numpy"}


def test_only_the_given_command_is_loaded_and_an_unknown_one_loads_all() -> None:
    one, every = application("train"), application("trian")
    assert [each.callback.__name__ for each in one.registered_commands if each.callback] == [
        "train"
    ]
    names = [each.callback.__name__ for each in every.registered_commands if each.callback]
    assert [*names, *(str(group.name) for group in every.registered_groups)] == list(COMMANDS)
