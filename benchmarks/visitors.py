"""A classroom at the dashboard: how long a click takes, and what it costs the run beside it.

    python benchmarks/visitors.py [--visitors 30] [--pause 4] [--seconds 30]
                                  [--scenario top-1] [--json]

Opens the dashboard on a home of its own and lets visitors click, each with a session, an offset
and a course of its own: another scenario, another phase, the Train page, the run that is under
way, back to Freeze. First without a run; then beside one, which is also timed alone before and
after, because other work on the machine would show there too. Prints a Markdown table, or JSON.
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
_MORE_EPOCHS_THAN_THERE_IS_TIME = 1000.0
_PATIENCE_SECONDS = 120.0


def main() -> None:
    """Open the dashboard, measure, and print."""
    arguments = _arguments()
    with tempfile.TemporaryDirectory() as home:
        os.environ["FREEZE_LAB_HOME"] = home
        with _dashboard() as (port, server):
            figures = asyncio.run(_measure(arguments, port, server))
    print(json.dumps(figures, indent=2) if arguments.json else _markdown(figures))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--pause", type=float, default=4.0, help="mean seconds between clicks")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each measurement")
    parser.add_argument("--scenario", default="top-1", help="of the run beside the visitors")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


@contextmanager
def _dashboard() -> Iterator[tuple[int, int]]:
    """The dashboard on a free port: the port, and the number of the process that serves."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "mtl_core", "serve", "--port", str(port)]
    serve = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        assert serve.stdout is not None
        if "is open at" not in serve.stdout.readline():
            sys.exit("The dashboard did not open.")
        children = Path(f"/proc/{serve.pid}/task/{serve.pid}/children")
        yield port, int(children.read_text().split()[0]) if children.exists() else serve.pid
    finally:
        serve.terminate()
        serve.wait(30)


async def _measure(arguments: argparse.Namespace, port: int, server: int) -> dict[str, Any]:
    """Clicks without a run; steps alone; both together; steps alone again."""
    seconds, pause = arguments.seconds, arguments.pause
    busy_before = os.getloadavg()[0]
    async with _classroom(port, 1) as first:
        await _click_for(first, seconds / 3, 0.5)
    before = _memory_bytes(server)
    async with _classroom(port, arguments.visitors) as visitors:
        without = await _watched(server, _click_for(visitors, seconds, pause))
        after = _memory_bytes(server)
        with _run(arguments.scenario) as run:
            await run.wait_for_steps()
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
async def _classroom(port: int, count: int) -> AsyncIterator[list[Visitor]]:
    """Connected visitors who have seen the Freeze page, and whose waits begin at nothing."""
    async with AsyncExitStack() as stack:
        visitors = [await stack.enter_async_context(Visitor(port)) for _ in range(count)]
        for visitor in visitors:
            await visitor.open("")
            await visitor.open("freeze")
        yield visitors


async def _click_for(
    visitors: Sequence[Visitor], seconds: float, pause: float, run: str | None = None
) -> Waits:
    """Let all click at their own times; what they waited, together."""
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
    visitor: Visitor, until: float, pause: float, run: str | None, chance: random.Random
) -> None:
    """One visitor's clicks: think, click, wait for the page, think again."""
    await asyncio.sleep(chance.uniform(0, pause))
    while monotonic() < until:
        await _click(visitor, run, chance)
        await asyncio.sleep(min(chance.uniform(0.5, 1.5) * pause, max(0.0, until - monotonic())))


async def _click(visitor: Visitor, run: str | None, chance: random.Random) -> None:
    """On Train two in three go back, the others look at the run; on Freeze one in five opens
    Train, three in ten step through the phases where there are some."""
    drawn = chance.random()
    if visitor.page == "train":
        if drawn < 1 / 3 and run is not None:
            await visitor.open("train", f"run={run}")
        else:
            await visitor.open("freeze", "")
    elif drawn < 0.2:
        await visitor.open("train", visitor.query)
    elif drawn < 0.5 and (phases := visitor.options("phase")):
        await visitor.pick("phase", chance.choice(phases))
    else:
        await visitor.pick("scenario", chance.choice(visitor.options("scenario")))


async def _watched(server: int, clicking: Awaitable[Waits]) -> dict[str, float | int | None]:
    """What visitors waited while they clicked, and the processor time the server took for it."""
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
class _UnderWay:
    """A run that the dashboard's trainer carries out, seen through the store."""

    id: str
    spec: RunSpec
    store: RunStore

    @property
    def last_step(self) -> int:
        """The number of the newest step; 0 before the first."""
        steps = [event for _, event in self.store.events(self.id, kinds={"step"})]
        return steps[-1].step if steps and isinstance(steps[-1], Step) else 0

    async def wait_for_steps(self) -> None:
        """Until it takes steps. Ends the benchmark where it does not come to that."""
        until = monotonic() + _PATIENCE_SECONDS
        while not self.last_step:
            record = self.store.run(self.id)
            if record.state.is_final or monotonic() > until:
                sys.exit(f"The run took no step: {record.state} {record.reason or ''}")
            await asyncio.sleep(0.2)

    async def seconds_per_step(self, meanwhile: Awaitable[None]) -> float:
        """Its pace while something else goes on."""
        began = self.last_step
        await meanwhile
        return self.seconds_per_step_since(began)

    def seconds_per_step_since(self, step: int) -> float:
        """The mean over the steps since. The first after an evaluation is left out: its time
        holds the evaluation's."""
        told = [event for _, event in self.store.events(self.id, kinds={"step", "evaluation"})]
        since = [
            later.elapsed_seconds - earlier.elapsed_seconds
            for earlier, later in pairwise(told)
            if isinstance(earlier, Step) and isinstance(later, Step) and earlier.step >= step
        ]
        return mean(since)


@contextmanager
def _run(scenario: str) -> Iterator[_UnderWay]:
    """A run on the sample that goes on for as long as it is watched."""
    settings = Settings.from_environment()
    chosen = load_model_and_plan("minilm-l6", scenario, None, "sample")
    spec = prepare_spec(
        chosen.model,
        chosen.plan,
        checkpoint="minilm-l6",
        scenario=scenario,
        data="sample",
        epochs=_MORE_EPOCHS_THAN_THERE_IS_TIME,
        threads=settings.threads,
    )
    with closing(RunStore(settings.database)) as store:
        run = store.add(spec)  # the server's own trainer takes it up
        yield _UnderWay(run.id, spec, store)
        store.request_stop(run.id)


def _cpu_seconds(process: int) -> float | None:
    """Processor time that a process has taken; None where the system does not tell."""
    with suppress(OSError):
        after_name = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
    return None


def _memory_bytes(process: int) -> int | None:
    """Memory that a process holds; None where the system does not tell."""
    with suppress(OSError):
        pages = Path(f"/proc/{process}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    return None


def _markdown(figures: dict[str, Any]) -> str:
    """The figures as a table, and the run's pace and the memory in a line below."""
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
