"""Reruns pages and executes short runs in one server, and samples what the server holds meanwhile.

    python benchmarks/soak.py [--reruns 2000] [--runs 200] [--visitors 4] [--pause 0.3]
                              [--samples 20] [--json]

Visitors click without a long pause while short runs of all kinds train one after the other. After
each twentieth of both, the processes of `serve` are counted (server, trainers, inspector), with
their memory, threads and open files. Prints a Markdown table, or JSON with --json. The first fifth
fills caches of a fixed size; the growth is that from the second fifth to the last one. Exits with 1
if processes, threads or open files grow by more than a tenth, or memory by more than a fifth.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean
from time import monotonic

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.visitor import Visitor
from benchmarks.visitors import click, dashboard, visitors_on_freeze
from mtl_core.cli.model_and_plan import load_model_and_plan
from mtl_core.settings import Settings
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec

SCENARIOS = ("heads-only", "top-1", "gradual", "layernorm", "full")
GROWTH = {"processes": 1.1, "threads": 1.1, "open_files": 1.1, "memory_bytes": 1.2}
"""How many times its value of the second fifth a measure may reach in the last fifth."""

_SENTENCES = 16
_WAITING = 2  # runs in the queue at a time


@dataclass(frozen=True)
class Sample:
    """What all processes of `serve` hold at a moment, and the work done until then."""

    seconds: float
    reruns: int
    runs: int
    processes: int
    threads: int
    open_files: int
    memory_bytes: int


@dataclass
class Progress:
    """Pages that were rerun and runs that have ended."""

    reruns: int = 0
    runs: int = 0
    unfinished: int = 0


def main() -> int:
    """Serve the dashboard, do the work, and print the samples."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as home:
        os.environ["FREEZE_LAB_HOME"] = home
        with dashboard() as (port, server):
            samples, unfinished = asyncio.run(_soak(arguments, port, server))
    grown = growth(samples)
    if arguments.json:
        print(json.dumps({"samples": [asdict(each) for each in samples], "growth": grown}))
    else:
        print(markdown(samples, grown))
    if unfinished:
        print(f"{unfinished} runs did not finish.", file=sys.stderr)
    return int(bool(unfinished) or any(grown[key] > limit for key, limit in GROWTH.items()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reruns", type=int, default=2000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--pause", type=float, default=0.3, help="mean seconds between clicks")
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


async def _soak(arguments: argparse.Namespace, port: int, server: int) -> tuple[list[Sample], int]:
    """Click and train until both are done; the samples, and how many runs did not finish."""
    progress, samples, began = Progress(), list[Sample](), monotonic()
    async with (
        visitors_on_freeze(port, arguments.visitors) as visitors,
        asyncio.TaskGroup() as work,
    ):
        clicking = [
            work.create_task(_rerun(visitor, arguments.pause, progress, random.Random(number)))
            for number, visitor in enumerate(visitors)
        ]
        work.create_task(_train(arguments.runs, progress))
        for part in range(1, arguments.samples + 1):
            share = part / arguments.samples
            while (
                progress.reruns < share * arguments.reruns or progress.runs < share * arguments.runs
            ):
                await asyncio.sleep(0.1)
            samples.append(sample(server, monotonic() - began, progress))
            print(samples[-1], file=sys.stderr, flush=True)
        for each in clicking:
            each.cancel()
    return samples, progress.unfinished


async def _rerun(
    visitor: Visitor, pause: float, progress: Progress, random_state: random.Random
) -> None:
    """Click until cancelled."""
    while True:
        await click(visitor, None, random_state)
        progress.reruns += 1
        await asyncio.sleep(random_state.uniform(0.5, 1.5) * pause)


async def _train(count: int, progress: Progress) -> None:
    """Queue `count` short runs, a few at a time, and wait for their end."""
    waiting: list[str] = []
    with closing(RunStore(Settings.from_environment().database)) as store:
        for spec in short_runs(count):
            while len(waiting) >= _WAITING:
                await asyncio.sleep(0.1)
                waiting = _not_ended(store, waiting, progress)
            waiting.append(store.add(spec).id)
        while waiting:
            await asyncio.sleep(0.1)
            waiting = _not_ended(store, waiting, progress)


def _not_ended(store: RunStore, runs: Sequence[str], progress: Progress) -> list[str]:
    records = [store.run(run) for run in runs]
    ended = [record for record in records if record.state.is_final]
    progress.runs += len(ended)
    progress.unfinished += sum(record.state is not RunState.FINISHED for record in ended)
    return [record.id for record in records if not record.state.is_final]


def short_runs(count: int) -> Iterator[RunSpec]:
    """Runs of one epoch on a few sentences, each scenario in turn with another seed."""
    chosen = {
        scenario: load_model_and_plan("minilm-l6", scenario, None, "sample")
        for scenario in SCENARIOS
    }
    for number in range(count):
        scenario = SCENARIOS[number % len(SCENARIOS)]
        yield prepare_spec(
            chosen[scenario].model,
            chosen[scenario].plan,
            checkpoint="minilm-l6",
            scenario=scenario,
            data="sample",
            examples={"sentiment": _SENTENCES, "ner": _SENTENCES},
            epochs=1,
            seed=number,
        )


def sample(server: int, seconds: float, progress: Progress) -> Sample:
    """What the process and all its descendants hold now."""
    processes = list(_with_descendants(server))
    held = [each for each in map(_held, processes) if each is not None]
    return Sample(
        round(seconds, 1),
        progress.reruns,
        progress.runs,
        len(held),
        *(sum(each[place] for each in held) for place in range(3)),
    )


def _with_descendants(process: int) -> Iterator[int]:
    yield process
    for thread in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in thread.read_text().split():
                yield from _with_descendants(int(child))


def _held(process: int) -> tuple[int, int, int] | None:
    """Threads, open files and resident bytes of a process; None if it has ended."""
    folder = Path(f"/proc/{process}")
    try:
        pages = int((folder / "statm").read_text().split()[1])
        threads = len(list((folder / "task").iterdir()))
        files = len(list((folder / "fd").iterdir()))
    except OSError:
        return None
    return threads, files, pages * os.sysconf("SC_PAGE_SIZE")


def growth(samples: Sequence[Sample]) -> dict[str, float]:
    """The mean of each measure in the last fifth of the samples over that of the second fifth."""
    fifth = max(1, len(samples) // 5)
    return {
        key: mean(getattr(each, key) for each in samples[-fifth:])
        / mean(getattr(each, key) for each in samples[fifth : 2 * fifth])
        for key in GROWTH
    }


def markdown(samples: Sequence[Sample], grown: dict[str, float]) -> str:
    """The samples as a table, with the growth below."""
    lines = [
        "| s | reruns | runs | processes | threads | open files | MB |",
        "|--:|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {each.seconds:.0f} | {each.reruns:,} | {each.runs} | {each.processes} "
            f"| {each.threads} | {each.open_files} | {each.memory_bytes / 1e6:,.0f} |"
            for each in samples
        ),
    ]
    words = ", ".join(f"{key.replace('_', ' ')} {value:.2f}" for key, value in grown.items())
    return "\n".join([*lines, "", f"Last fifth over second fifth: {words}."])


if __name__ == "__main__":
    sys.exit(main())
