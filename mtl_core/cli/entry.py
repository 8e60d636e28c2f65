"""The entry point of the command line. It turns every error into a message and an exit code."""

import os
import sys
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path

import typer
from typer.exceptions import TyperException

from mtl_core import __version__
from mtl_core.errors import BadInput, FreezeLabError, machine_fault
from mtl_core.text import visible
from mtl_core.training.environment import ENVIRONMENT

DONE, INTERNAL_ERROR, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

# The installed command's name, or the one that works in a clone too.
_PROGRAM = "freeze-lab" if Path(sys.argv[0]).stem == "freeze-lab" else "python -m mtl_core"

COMMANDS = {
    "checkpoints": "mtl_core.cli.checkpoints",
    "scenarios": "mtl_core.cli.scenarios",
    "inspect": "mtl_core.cli.inspect",
    "cost": "mtl_core.cli.cost",
    "plan": "mtl_core.cli.plan",
    "train": "mtl_core.cli.train",
    "claims": "mtl_core.cli.claims.command",
    "compare": "mtl_core.cli.compare.command",
    "predict": "mtl_core.cli.predict",
    "export": "mtl_core.cli.export",
    "repeat": "mtl_core.cli.repeat.command",
    "track": "mtl_core.cli.track",
    "serve": "mtl_core.cli.serve",
    "doctor": "mtl_core.cli.doctor",
    "runs": "mtl_core.cli.runs",
}
"""The module of each command, which has a function or a Typer application of the same name."""


def application(command: str | None = None) -> typer.Typer:
    """The command line with one command, or with all of them if None or an unknown name is given.

    The modules of the other commands are not imported: they take longer than most commands.
    """
    app = typer.Typer(
        name=_PROGRAM,
        help="Compare what to freeze when a multi-task transformer is fine-tuned.",
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback(invoke_without_command=True)(_root)
    for name in [command] if command in COMMANDS else COMMANDS:
        found = getattr(import_module(COMMANDS[name]), name)
        if isinstance(found, typer.Typer):
            app.add_typer(found, name=name)
        else:
            app.command()(found)
    return app


def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    if version:
        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run one command and exit with its code: 0 done, 1 internal error, 2 bad input, 130
    interrupted. Messages go to stderr; FREEZE_LAB_DEBUG=1 prints the traceback of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # JSON is UTF-8 in any locale, and `inspect --format listing` prints ✅
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    os.environ.update(ENVIRONMENT | os.environ)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command; returns its exit code."""
    try:
        if arguments == ["--version"]:
            print(__version__)
            return DONE
        app = application(arguments[0] if arguments else None)
        code = app(arguments, prog_name=_PROGRAM, standalone_mode=False)
        if code == INTERRUPTED:  # Typer returns this code after Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else DONE
    except TyperException as problem:
        return _report(_usage(problem), BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        return _report("Interrupted.", INTERRUPTED)
    except BadInput as problem:
        return _report(str(problem), BAD_INPUT, problem)
    except FreezeLabError as problem:
        return _report(str(problem), INTERNAL_ERROR, problem)
    except (BrokenPipeError, SystemExit):  # Typer and Rich exit when the pipe is closed
        from mtl_core.cli.console import discard_stdout  # imports Rich

        discard_stdout()
        return DONE
    except Exception as problem:
        if (message := machine_fault(problem)) is not None:
            return _report(message, INTERNAL_ERROR, problem)
        fault = f"{type(problem).__name__}: {problem}"
        return _report(
            f"Internal error in Freeze Lab ({fault}). Your files are unchanged. "
            "Run the command again with FREEZE_LAB_DEBUG=1 and report its output.",
            INTERNAL_ERROR,
            problem,
        )


def _usage(problem: TyperException) -> str:
    """The message for a usage error, with the command that prints the help."""
    what = problem.format_message() if hasattr(problem, "format_message") else str(problem)
    what = what.replace("Value error, ", "")
    what += "" if what.endswith((".", "?")) else "."
    context = getattr(problem, "ctx", None)
    command = context.command_path if context is not None else _PROGRAM
    return f"{what} See `{command} --help`."


def _report(message: str, code: int, problem: BaseException | None = None) -> int:
    if problem is not None and os.environ.get("FREEZE_LAB_DEBUG"):
        raise problem
    print(visible(message), file=sys.stderr)  # it may quote a file
    return code
