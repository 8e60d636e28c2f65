"""The entry point: version, help, and the list of commands."""

from collections.abc import Callable
from typing import Any

import pytest

from mtl_core import __version__

Command = Callable[..., Any]
COMMANDS = [
    ("checkpoints",),
    ("scenarios",),
    ("inspect",),
    ("cost",),
    ("plan",),
    ("train",),
    ("serve",),
    ("runs",),
    ("runs", "list"),
    ("runs", "show"),
    ("runs", "delete"),
]


def test_the_version_is_printed(command: Command) -> None:
    assert command("--version") == (0, f"{__version__}\n", "")


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_no_arguments_print_help(command: Command, arguments: tuple[str, ...]) -> None:
    answer = command(*arguments)

    assert (answer.code, answer.err) == (0, "")
    assert all(f"  {name[0]} " in answer.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS, ids=" ".join)
def test_every_command_has_help(command: Command, name: tuple[str, ...]) -> None:
    answer = command(*name, "--help")

    assert (answer.code, answer.err) == (0, "")
    assert f"Usage: python -m mtl_core {' '.join(name)}" in answer.out
