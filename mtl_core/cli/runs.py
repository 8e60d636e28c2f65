"""The `runs` command: lists, shows, stops and deletes stored runs, and controls the queue."""

import json
import shutil
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from mtl_core.analysis.chain import Chain, chain_of
from mtl_core.cli.console import plain_console, plain_table
from mtl_core.cli.options import EventFormat, ListFormat, OutputOption
from mtl_core.cli.run_output import event_printer, headline_text
from mtl_core.cli.stored_runs import find_comparison, model_of
from mtl_core.engine.disk import prunable, prune
from mtl_core.engine.resuming import delete_state
from mtl_core.errors import BadInput
from mtl_core.settings import Settings
from mtl_core.store.owner import Owner
from mtl_core.store.record import ComparisonRecord, RunRecord, RunState
from mtl_core.store.runs import RunStore
from mtl_core.text import bytes_text, counted
from mtl_core.training.events import Evaluation

_MOST_WAITING = 10_000

runs = typer.Typer(
    help="List, show, stop or delete runs and comparisons, and pause or clear the queue."
)


@runs.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@runs.command("list")
def list_runs(
    form: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of runs to list.")] = 200,
    before: Annotated[
        str | None, typer.Option(metavar="RUN", help="Continue the list after this run.")
    ] = None,
) -> None:
    """List the comparisons and the runs in the store, newest first; the JSON holds the runs.

    Waiting runs are not counted in the limit.
    """
    with closing(RunStore(Settings.from_environment().database)) as store:
        store.mark_interrupted()
        ended = tuple(state for state in RunState if state is not RunState.WAITING)
        records = store.runs(limit, states=ended, before=before)
        if before is None:
            waiting = store.runs(_MOST_WAITING, states=(RunState.WAITING,))
            records = sorted((*waiting, *records), key=lambda run: run.number, reverse=True)
        if form is ListFormat.JSON:
            print(json.dumps([_summary(record) for record in records], indent=2))
        else:
            if before is None:
                _print_comparisons(store.comparisons())
            _print_runs(records, store)


@runs.command()
def show(
    run: str, form: Annotated[EventFormat, typer.Option("--format")] = EventFormat.TEXT
) -> None:
    """Print the events of a run as `train` does, or the results of a comparison."""
    from mtl_core.cli.compare.results import load_results, print_results

    settings = Settings.from_environment()
    with closing(RunStore(settings.database)) as store:
        comparison = find_comparison(store, run)
        if comparison and form is EventFormat.TEXT:
            print_results(comparison, load_results(store, comparison, settings))
            return
        found = [each.id for each in comparison.runs] if comparison else [run]
        with event_printer(form, live=False) as print_event:
            for each in found:
                for _, event in store.events(each):
                    print_event(event)
        if comparison is None and form is EventFormat.TEXT:
            _print_stages(store, run, settings)


def _print_stages(store: RunStore, run: str, settings: Settings) -> None:
    """Print the stages of staged training; nothing if the run starts from a checkpoint."""
    from mtl_core.report.load import summaries_in

    if store.run(run).spec.starts_from is None:
        return
    summary_of = summaries_in(store, lambda spec: model_of(spec, settings))
    if (newest := summary_of(run)) is not None:
        _print_chain(chain_of(newest, summary_of))


def _print_chain(chain: Chain) -> None:
    """Print a row per stage, and the backward transfer."""
    from mtl_core.report.stages import chain_lines, chain_rows, chain_title

    console, rows = plain_console(), chain_rows(chain)
    table = plain_table(*dict.fromkeys(name for row in rows for name in row))
    for row in rows:
        table.add_row(*(row.get(str(column.header), "–") for column in table.columns))
    console.print(f"{chain_title(chain)}:")
    console.print(table)
    for line in chain_lines(chain):
        console.print(line)


@runs.command()
def delete(run: str) -> None:
    """Delete permanently a run with its events and model, or a comparison with all its runs."""
    settings = Settings.from_environment()
    with closing(RunStore(settings.database)) as store:
        if find_comparison(store, run):
            deleted = store.delete_comparison(run)
            message = f"Comparison {run} and its {len(deleted)} runs are deleted."
        else:
            store.delete(run)
            deleted, message = [run], f"Run {run} is deleted."
    for each in deleted:
        shutil.rmtree(settings.run_folder(each), ignore_errors=True)
        delete_state(settings, each)
    print(message, file=sys.stderr)


@runs.command()
def stop(run: str) -> None:
    """Stop a run or a comparison: waiting runs at once, running ones within two seconds."""
    with closing(RunStore(Settings.from_environment().database)) as store:
        if find_comparison(store, run):
            store.stop_comparison(run)
        elif store.run(run).state.is_final:
            raise BadInput(f"Run '{run}' has ended already: {store.run(run).state}.")
        else:
            store.request_stop(run)
    print(f"{run} is stopped.", file=sys.stderr)


@runs.command()
def pause() -> None:
    """Pause the dashboard's queue: no waiting run starts until `runs resume`. Running runs
    continue."""
    with closing(RunStore(Settings.from_environment().database)) as store:
        store.pause(True)
        waiting = store.waiting_count()
    print(f"The queue is paused; {counted(waiting, 'run')} waiting.", file=sys.stderr)


@runs.command()
def resume(
    run: Annotated[str | None, typer.Argument(help="A stopped, failed or interrupted run.")] = None,
    output: OutputOption = None,
    form: Annotated[EventFormat, typer.Option("--format")] = EventFormat.TEXT,
) -> None:
    """Continue a run after its last saved step, or without RUN let a paused queue start again.

    A run's state is saved once a minute and at the end of each phase. The losses and weights are
    those of a run that was not cut off, to the bit.
    """
    if run is not None:
        _continue(run, output and output.absolute(), form)
        return
    with closing(RunStore(Settings.from_environment().database)) as store:
        store.pause(False)
    print("The queue is not paused.", file=sys.stderr)


def _continue(run: str, output: Path | None, form: EventFormat) -> None:
    from mtl_core.cli.train import run_and_print
    from mtl_core.engine.lab import Lab
    from mtl_core.engine.resuming import resume_run

    settings = Settings.from_environment()
    with Lab(settings, reserved=True) as lab:
        record, steps = resume_run(lab.store, settings, run, Owner.this_process())
        start = f"after step {steps:,}" if steps else "from the first step: nothing was saved"
        print(f"{run} continues {start}.", file=sys.stderr)
        run_and_print(lab, record.spec, output, form, record)


@runs.command()
def clear() -> None:
    """Stop all waiting runs. Runs in progress continue."""
    with closing(RunStore(Settings.from_environment().database)) as store:
        stopped = store.clear_queue()
    print(f"{counted(len(stopped), 'waiting run')} stopped.", file=sys.stderr)


@runs.command(name="prune")
def prune_models(
    keep: Annotated[int, typer.Option(min=0, help="Keep the models of the newest runs.")] = 20,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list what would be deleted.")
    ] = False,
) -> None:
    """Delete the saved models of older runs; the runs and their results stay.

    Models that a waiting or running run starts from are kept.
    """
    settings = Settings.from_environment()
    with closing(RunStore(settings.database)) as store:
        found = list(prunable(store, settings, keep))
    if not dry_run:
        prune(settings, [run for run, _ in found])
    freed = bytes_text(sum(size for _, size in found))
    what = "would be deleted" if dry_run else "deleted"
    print(f"{counted(len(found), 'saved model')} {what}: {freed}.", file=sys.stderr)


def _print_comparisons(records: Sequence[ComparisonRecord]) -> None:
    """Print a table of comparisons with the number of finished runs, if there are any."""
    if not records:
        return
    from mtl_core.lessons.claim_runs import comparison_name

    table = plain_table("comparison", "name", "data", "finished")
    for record in records:
        finished = sum(run.state is RunState.FINISHED for run in record.runs)
        state = "" if record.ended else ", running"
        done = f"{finished} of {len(record.runs)} runs{state}"
        table.add_row(record.id, comparison_name(record), record.spec.data, done)
    console = plain_console()
    console.print(table)
    console.print()


def _print_runs(records: Sequence[RunRecord], store: RunStore) -> None:
    """Print a table of runs with the last headline score of each task."""
    console = plain_console()
    if not records:
        console.print("No runs yet. `python -m mtl_core train --scenario heads-only` starts one.")
        return
    named = any(record.title or record.tags for record in records)
    names = ("name", "tags") if named else ()
    columns = ("state", "checkpoint", "trained parts", "data", "seed", "scores")
    table = plain_table("run", *names, *columns)
    for record in records:
        spec = record.spec
        table.add_row(
            record.id,
            *((record.title or "", ", ".join(record.tags)) if named else ()),
            record.state,
            spec.checkpoint,
            record.name,
            spec.data,
            str(spec.seed),
            " · ".join(_last_scores(store, record.id)),
        )
    console.print(table)


def _last_scores(store: RunStore, run: str) -> list[str]:
    """The score of each task in the last evaluation on the validation set."""
    scores: list[str] = []
    for _, event in store.events(run, kinds=["evaluation"]):
        if isinstance(event, Evaluation) and event.split == "validation":
            scores = [f"{task} {headline_text(score)}" for task, score in event.tasks.items()]
    return scores


def _summary(record: RunRecord) -> dict[str, object]:
    times = {
        "created": record.created_at,
        "started": record.started_at,
        "ended": record.finished_at,
    }
    return {
        "run": record.id,
        "title": record.title,
        "tags": list(record.tags),
        "state": str(record.state),
        "checkpoint": record.spec.checkpoint,
        "scenario": record.spec.scenario or record.spec.plan.name,
        "arm": record.spec.arm_name if record.comparison else None,
        "data": record.spec.data,
        "seed": record.spec.seed,
        "comparison": record.comparison,
        "reason": record.reason,
        **{name: time.isoformat() if time else None for name, time in times.items()},
    }
