"""Commands about what is in the store: list, show or delete runs and comparisons."""

import json
import sys
from contextlib import closing
from typing import Annotated

import typer

from mtl_core.analysis.chain import chain_of
from mtl_core.cli.options import EventFormat, ListFormat
from mtl_core.cli.telling import telling
from mtl_core.errors import UnknownComparison
from mtl_core.settings import Settings
from mtl_core.store.record import ComparisonRecord, RunRecord
from mtl_core.store.runs import RunStore

runs_app = typer.Typer(help="List, show or delete runs and comparisons.")


@runs_app.callback(invoke_without_command=True)
def _root(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())


@runs_app.command("list")
def list_runs(form: Annotated[ListFormat, typer.Option("--format")] = ListFormat.TABLE) -> None:
    """List the comparisons and the runs in the store, newest first; the JSON holds the runs."""
    from mtl_core.cli.compare_telling import print_comparisons
    from mtl_core.cli.telling import print_runs

    with closing(RunStore(Settings.from_environment().database)) as store:
        store.mark_interrupted()
        records = store.runs()
        if form is ListFormat.JSON:
            print(json.dumps([_summary(record) for record in records], indent=2))
        else:
            print_comparisons(store.comparisons())
            print_runs(records, store)


@runs_app.command()
def show(
    run: str, form: Annotated[EventFormat, typer.Option("--format")] = EventFormat.TEXT
) -> None:
    """Tell a run again, as `train` told it, or a comparison's results."""
    from mtl_core.cli.compare_telling import grouped, print_results

    settings = Settings.from_environment()
    with closing(RunStore(settings.database)) as store:
        comparison = comparison_called(store, run)
        if comparison and form is EventFormat.TEXT:
            print_results(comparison, grouped(store, comparison, settings))
            return
        runs = [each.id for each in comparison.runs] if comparison else [run]
        with telling(form, live=False) as tell:
            for each in runs:
                for _, event in store.events(each):
                    tell(event)
        if comparison is None and form is EventFormat.TEXT:
            _tell_chain(store, run, settings)


def _tell_chain(store: RunStore, run: str, settings: Settings) -> None:
    """The stages of a run that goes on from another one; nothing for any other."""
    from mtl_core.cli.export import model_of
    from mtl_core.cli.telling import print_chain
    from mtl_core.report.load import summaries_in

    if store.run(run).spec.starts_from is None:
        return
    summary_of = summaries_in(store, lambda spec: model_of(spec, settings))
    if (newest := summary_of(run)) is not None:
        print_chain(chain_of(newest, summary_of))


@runs_app.command()
def delete(run: str) -> None:
    """Forget a run and its events, or a comparison and all its runs."""
    import shutil

    settings = Settings.from_environment()
    with closing(RunStore(settings.database)) as store:
        if comparison_called(store, run):
            gone = store.delete_comparison(run)
            told = f"Comparison {run} and its {len(gone)} runs are deleted."
        else:
            store.delete(run)
            gone, told = [run], f"Run {run} is deleted."
    for each in gone:
        shutil.rmtree(settings.run_folder(each), ignore_errors=True)
    print(told, file=sys.stderr)


def comparison_called(store: RunStore, name: str) -> ComparisonRecord | None:
    """The comparison of this id; None for a run's. Raises UnknownRun where neither bears it."""
    try:
        return store.comparison(name)
    except UnknownComparison:
        if store.deleted(name) is None:
            store.run(name)
        return None


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
        "data": record.spec.data,
        "seed": record.spec.seed,
        "comparison": record.comparison,
        "reason": record.reason,
        **{name: time.isoformat() if time else None for name, time in times.items()},
    }
