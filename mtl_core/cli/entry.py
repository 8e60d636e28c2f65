"""Where the command line begins, and where every error becomes one message and an exit code."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path

import typer
from typer.exceptions import TyperException

from mtl_core import __version__
from mtl_core.cli import (
    claims,
    compare,
    cost,
    export,
    inspect,
    predict,
    runs,
    serve,
    train,
)
from mtl_core.cli.telling import forget_stdout
from mtl_core.errors import BadInput, FreezeLabError
from mtl_core.training.environment import ENVIRONMENT

DONE, OUR_FAULT, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

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
    inspect.checkpoints,
    inspect.scenarios,
    inspect.inspect,
    cost.cost,
    inspect.plan,
    train.train,
    claims.claims,
    compare.compare,
    predict.predict,
    export.export,
    serve.serve,
):
    app.command()(command)
app.add_typer(runs.runs_app, name="runs")


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: bool = typer.Option(False, "--version", help="Print the version and leave."),
) -> None:
    if version:
        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code: 0 done, 2 bad input, 1 our fault, 130
    interrupted. Messages go to stderr; FREEZE_LAB_DEBUG=1 shows where an error came from."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # whatever the locale says: JSON is UTF-8, and a listing's ✅ no error
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    os.environ.update(ENVIRONMENT | os.environ)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command; its exit code."""
    try:
        code = app(arguments, prog_name=app.info.name, standalone_mode=False)
        if code == INTERRUPTED:  # Typer's answer to Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else DONE
    except TyperException as problem:
        return _said(_usage(problem), BAD_INPUT)
    except (KeyboardInterrupt, typer.Abort):
        return _said("Interrupted.", INTERRUPTED)
    except BadInput as problem:
        return _said(str(problem), BAD_INPUT, problem)
    except FreezeLabError as problem:
        return _said(str(problem), OUR_FAULT, problem)
    except (BrokenPipeError, SystemExit):  # Typer and Rich leave when nobody reads any more
        forget_stdout()
        return DONE
    except Exception as problem:
        fault = f"{type(problem).__name__}: {problem}"
        return _said(
            f"Something went wrong inside Freeze Lab ({fault}). Your files are untouched. "
            "Run it again with FREEZE_LAB_DEBUG=1 and report what it prints.",
            OUR_FAULT,
            problem,
        )


def _usage(problem: TyperException) -> str:
    """What is wrong with the words of a command, and where to look."""
    what = problem.format_message() if hasattr(problem, "format_message") else str(problem)
    what = what.replace("Value error, ", "")
    what += "" if what.endswith((".", "?")) else "."
    context = getattr(problem, "ctx", None)
    command = context.command_path if context is not None else app.info.name
    return f"{what} See `{command} --help`."


def _said(message: str, code: int, problem: BaseException | None = None) -> int:
    if problem is not None and os.environ.get("FREEZE_LAB_DEBUG"):
        raise problem
    print(message, file=sys.stderr)
    return code
