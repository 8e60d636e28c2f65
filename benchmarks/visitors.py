"""Response times of the dashboard under a class of visitors, and their effect on a run.

    python benchmarks/visitors.py [--visitors 30] [--pause 4] [--seconds 30]
                                  [--scenario top-1] [--runs 1] [--json]

Serves the dashboard from a temporary home. Every visitor has a session and clicks at random times:
another scenario, another phase, the Train page, the current run, back to Freeze. First there is no
run, then one trains at the same time. That run is also timed before and after without visitors,
which shows other load on the machine. With --runs N, N runs of one thread each train at the same
time, and the first of them is timed. Prints a Markdown table, or JSON with --json.
"""

import argparse
import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean, median, quantiles
from time import monotonic
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.visitor import Visitor, Waits
from mtl_core.cli.model_and_plan import load_model_and_plan
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from mtl_core.training.events import Step
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec

ROOT = Path(__file__).resolve().parents[1]
_ENDLESS_EPOCHS = 1000.0
_PATIENCE_SECONDS = 120.0


def main() -> None:
    """Serve the dashboard, measure, and print."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as home:
        os.environ["FREEZE_LAB_HOME"] = home
        with dashboard() as (port, server):
            figures = asyncio.run(_measure(arguments, port, server))
    print(json.dumps(figures, indent=2) if arguments.json else _markdown(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--pause", type=float, default=4.0, help="mean seconds between clicks")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement")
    parser.add_argument("--scenario", default="top-1", help="of the run beside the visitors")
    parser.add_argument("--runs", type=int, default=1, help="runs at the same time")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


@contextmanager
def dashboard() -> Iterator[tuple[int, int]]:
    """Serve the dashboard on a free port; yield the port and the server's process id."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "mtl_core", "serve", "--port", str(port)]
    serve = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert serve.stdout is not None
        if "is running at" not in serve.stdout.readline():
            sys.exit("The dashboard did not open.")
        children = Path(f"/proc/{serve.pid}/task/{serve.pid}/children")
        yield port, int(children.read_text().split()[0]) if children.exists() else serve.pid
    finally:
        serve.terminate()
        serve.wait(30)


async def _measure(arguments: argparse.Namespace, port: int, server: int) -> dict[str, Any]:
    """Measure clicks without a run, steps alone, both together, and steps alone again."""
    seconds, pause = arguments.seconds, arguments.pause
    busy_before = os.getloadavg()[0]
    async with visitors_on_freeze(port, 1) as first:
        await _click_for(first, seconds / 3, 0.5)
    before = _memory_bytes(server)
    async with visitors_on_freeze(port, arguments.visitors) as visitors:
        without = await _watched(server, _click_for(visitors, seconds, pause))
        after = _memory_bytes(server)
        with _runs(arguments.scenario, arguments.runs) as (run, *others):
            for each in (run, *others):
                await each.wait_for_steps()
            alone_before = await run.seconds_per_step(asyncio.sleep(seconds))
            began = run.last_step
            beside = await _watched(server, _click_for(visitors, seconds, pause, run.id))
            pace_beside = run.seconds_per_step_since(began)
            await asyncio.gather(*(visitor.open("freeze") for visitor in visitors))
            alone_after = await run.seconds_per_step(asyncio.sleep(seconds))
    return {
        "visitors": arguments.visitors,
        "pause_seconds": pause,
        "scenario": arguments.scenario,
        "runs": arguments.runs,
        "threads": run.spec.threads,
        "cores": os.cpu_count(),
        "load_before": busy_before,
        "without_a_run": without,
        "beside_a_run": beside,
        "seconds_per_step_alone": [alone_before, alone_after],
        "seconds_per_step_beside": pace_beside,
        "times_as_long_beside": pace_beside / mean((alone_before, alone_after)),
        "server_bytes": after,
        "bytes_per_visitor": (after - before) / arguments.visitors if after and before else None,
    }


@asynccontextmanager
async def visitors_on_freeze(port: int, count: int) -> AsyncIterator[list[Visitor]]:
    """Connect visitors and open the Freeze page for each."""
    async with AsyncExitStack() as stack:
        visitors = [await stack.enter_async_context(Visitor(port)) for _ in range(count)]
        for visitor in visitors:
            await visitor.open("")
            await visitor.open("freeze")
        yield visitors


async def _click_for(
    visitors: Sequence[Visitor], seconds: float, pause: float, run: str | None = None
) -> Waits:
    """Let all visitors click for `seconds`; return their response times."""
    until = monotonic() + seconds
    for visitor in visitors:
        visitor.waits = Waits()
    async with asyncio.TaskGroup() as group:
        for number, visitor in enumerate(visitors):
            group.create_task(_course(visitor, until, pause, run, random.Random(number)))
    waits = [visitor.waits for visitor in visitors]
    return Waits(
        [second for each in waits for second in each.clicks],
        [second for each in waits for second in each.ticks],
    )


async def _course(
    visitor: Visitor, until: float, pause: float, run: str | None, random_state: random.Random
) -> None:
    """The clicks of one visitor, with pauses in between."""
    await asyncio.sleep(random_state.uniform(0, pause))
    while monotonic() < until:
        await click(visitor, run, random_state)
        await asyncio.sleep(
            min(random_state.uniform(0.5, 1.5) * pause, max(0.0, until - monotonic()))
        )


async def click(visitor: Visitor, run: str | None, random_state: random.Random) -> None:
    """One random click.

    On Train: to Freeze (2 of 3) or to the run. On Freeze: to Train (2 of 10), another phase (3 of
    10, if the plan has phases), or another scenario.
    """
    drawn = random_state.random()
    if visitor.page == "train":
        if drawn < 1 / 3 and run is not None:
            await visitor.open("train", f"run={run}")
        else:
            await visitor.open("freeze", "")
    elif drawn < 0.2:
        await visitor.open("train", visitor.query)
    elif drawn < 0.5 and (phases := visitor.options("phase")):
        await visitor.pick("phase", random_state.choice(phases))
    else:
        await visitor.pick("scenario", random_state.choice(visitor.options("scenario")))


async def _watched(server: int, clicking: Awaitable[Waits]) -> dict[str, float | int | None]:
    """Summarise the response times and the processor time of the server meanwhile."""
    before, began = _cpu_seconds(server), monotonic()
    waits = await clicking
    took, after = monotonic() - began, _cpu_seconds(server)
    return {
        "clicks": len(waits.clicks),
        "click_median_seconds": median(waits.clicks),
        "click_p95_seconds": _p95(waits.clicks),
        "click_max_seconds": max(waits.clicks),
        "ticks": len(waits.ticks),
        "tick_p95_seconds": _p95(waits.ticks) if len(waits.ticks) > 1 else None,
        "server_cores": (after - before) / took if after is not None and before else None,
    }


def _p95(seconds: list[float]) -> float:
    return quantiles(seconds, n=20, method="inclusive")[-1]


@dataclass
class _CurrentRun:
    """A run of the dashboard's trainer, read from the store."""

    id: str
    spec: RunSpec
    store: RunStore

    @property
    def last_step(self) -> int:
        """The number of the newest step; 0 before the first."""
        steps = [event for _, event in self.store.events(self.id, kinds={"step"})]
        return steps[-1].step if steps and isinstance(steps[-1], Step) else 0

    async def wait_for_steps(self) -> None:
        """Wait for the first step. Exits if the run ends or takes too long."""
        until = monotonic() + _PATIENCE_SECONDS
        while not self.last_step:
            record = self.store.run(self.id)
            if record.state.is_final or monotonic() > until:
                sys.exit(f"The run took no step: {record.state} {record.reason or ''}")
            await asyncio.sleep(0.2)

    async def seconds_per_step(self, meanwhile: Awaitable[None]) -> float:
        """Mean seconds per step while `meanwhile` runs."""
        began = self.last_step
        await meanwhile
        return self.seconds_per_step_since(began)

    def seconds_per_step_since(self, step: int) -> float:
        """Mean seconds per step from `step` on, without steps that follow an evaluation."""
        events = [event for _, event in self.store.events(self.id, kinds={"step", "evaluation"})]
        seconds = [
            later.elapsed_seconds - earlier.elapsed_seconds
            for earlier, later in pairwise(events)
            if isinstance(earlier, Step) and isinstance(later, Step) and earlier.step >= step
        ]
        return mean(seconds)


@contextmanager
def _runs(scenario: str, count: int) -> Iterator[list[_CurrentRun]]:
    """Train `count` seeds on the sample until the context ends; several have one thread each."""
    settings = Settings.from_environment()
    chosen = load_model_and_plan("minilm-l6", scenario, None, "sample")
    specs = [
        prepare_spec(
            chosen.model,
            chosen.plan,
            checkpoint="minilm-l6",
            scenario=scenario,
            data="sample",
            epochs=_ENDLESS_EPOCHS,
            seed=seed,
            threads=settings.threads if count == 1 else 1,
        )
        for seed in range(count)
    ]
    with closing(RunStore(settings.database)) as store:
        runs = [store.add(spec) for spec in specs]  # the server's trainers start them
        yield [_CurrentRun(run.id, run.spec, store) for run in runs]
        for run in runs:
            store.request_stop(run.id)


def _cpu_seconds(process: int) -> float | None:
    """Processor seconds of a process; None if the system does not report them."""
    with suppress(OSError):
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
    return None


def _memory_bytes(process: int) -> int | None:
    """Resident memory of a process; None if the system does not report it."""
    with suppress(OSError):
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return None


def _markdown(figures: dict[str, Any]) -> str:
    """The figures as a table, with the run's speed and the memory below."""
    lines = [
        f"{figures['visitors']} visitors, a click each every {figures['pause_seconds']:g} s, on "
        f"{figures['cores']} cores; the run is {figures['scenario']} with {figures['threads']} "
        f"threads. Other work kept {figures['load_before']:.1f} processes busy at the start.",
        "",
        "| | clicks | median s | p95 s | longest s | p95 s of live updates | server, cores |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for key, words in (("without_a_run", "no run"), ("beside_a_run", "beside a run")):
        row = figures[key]
        lines.append(
            f"| {words} | {row['clicks']} | {_shown(row['click_median_seconds'])} "
            f"| {_shown(row['click_p95_seconds'])} | {_shown(row['click_max_seconds'])} "
            f"| {_shown(row['tick_p95_seconds'])} | {_shown(row['server_cores'])} |"
        )
    earlier, later = figures["seconds_per_step_alone"]
    lines += [
        "",
        f"Seconds per step: {earlier:.3f} alone before, "
        f"{figures['seconds_per_step_beside']:.3f} beside the visitors, {later:.3f} alone "
        f"after: {figures['times_as_long_beside']:.2f} times as long.",
    ]
    if figures["bytes_per_visitor"] is not None:
        lines.append(
            f"The server holds {figures['server_bytes'] / 1e6:,.0f} MB, "
            f"{figures['bytes_per_visitor'] / 1e6:.1f} MB for each visitor."
        )
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


if __name__ == "__main__":
    main()
