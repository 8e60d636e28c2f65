"""The entry point of the command line. It turns every error into a message and an exit code."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path

import typer
from typer.exceptions import TyperException

from mtl_core import __version__
from mtl_core.cli import (
    checkpoints,
    claims,
    cost,
    export,
    inspect,
    plan,
    predict,
    runs,
    scenarios,
    serve,
    train,
)
from mtl_core.cli.compare.command import compare
from mtl_core.cli.console import discard_stdout
from mtl_core.errors import BadInput, FreezeLabError
from mtl_core.training.environment import ENVIRONMENT

DONE, INTERNAL_ERROR, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

# The installed command's name, or the one that works in a clone too.
_PROGRAM = "freeze-lab" if Path(sys.argv[0]).stem == "freeze-lab" else "python -m mtl_core"

app = typer.Typer(
    name=_PROGRAM,
    help="Compare what to freeze when a multi-task transformer is fine-tuned.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (
    checkpoints.checkpoints,
    scenarios.scenarios,
    inspect.inspect,
    cost.cost,
    plan.plan,
    train.train,
    claims.claims,
    compare,
    predict.predict,
    export.export,
    serve.serve,
):
    app.command()(command)
app.add_typer(runs.runs_app, name="runs")


@app.callback(invoke_without_command=True)
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
        code = app(arguments, prog_name=app.info.name, standalone_mode=False)
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
        discard_stdout()
        return DONE
    except Exception as problem:
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
    command = context.command_path if context is not None else app.info.name
    return f"{what} See `{command} --help`."


def _report(message: str, code: int, problem: BaseException | None = None) -> int:
    if problem is not None and os.environ.get("FREEZE_LAB_DEBUG"):
        raise problem
    print(message, file=sys.stderr)
    return code
