"""How long writers of one run store wait for each other.

    python benchmarks/store_writers.py [--writers 1,10,50] [--seconds 20] [--postgresql]

Each writer is a thread of four processes. It has a run, and writes three steps of it every 0.3
seconds in one transaction, as the engine does. Prints a Markdown table: the seconds of a
transaction, and the transactions of all writers together. The store is a SQLite file on the disk of
the temporary folder; with --postgresql a server of this machine, started for the measurement.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from multiprocessing import get_context
from pathlib import Path
from statistics import quantiles
from time import monotonic, sleep

sys.path.insert(0, str(Path(__file__).parent.parent))

from mtl_core.freezing.plan import Phase, Plan
from mtl_core.store.record import RunState
from mtl_core.store.runs import RunStore
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.events import Step
from mtl_core.training.spec import RunSpec

_PROCESSES, _EVERY_SECONDS, _STEPS = 4, 0.3, 3


def main() -> None:
    """Measure each number of writers and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--writers", default="1,10,50")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--postgresql", action="store_true")
    arguments = parser.parse_args()
    print("| writers | p50 ms | p95 ms | longest ms | transactions per second |")
    print("|--:|--:|--:|--:|--:|")
    for writers in map(int, arguments.writers.split(",")):
        with _place(postgresql=arguments.postgresql) as place:
            seconds = _measure(place, writers, arguments.seconds)
        found = quantiles(seconds, n=20)
        row = (found[9], found[18], max(seconds))
        cells = " | ".join(f"{1000 * each:.1f}" for each in row)
        print(f"| {writers} | {cells} | {len(seconds) / arguments.seconds:.0f} |", flush=True)


@contextmanager
def _place(*, postgresql: bool) -> Iterator[Path | str]:
    """An empty run store."""
    if postgresql:
        from tests.postgresql import postgresql_server

        with postgresql_server() as server:
            yield server.url("postgres")
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder) / "runs.sqlite"


def _measure(place: Path | str, writers: int, seconds: float) -> list[float]:
    """The seconds of every transaction."""
    RunStore(place).close()
    counts = [len(range(first, writers, _PROCESSES)) for first in range(_PROCESSES)]
    used = [count for count in counts if count]
    with ProcessPoolExecutor(len(used), mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_write_in_process, place, count, seconds) for count in used]
        return [each for job in jobs for each in job.result()]


def _write_in_process(place: Path | str, writers: int, seconds: float) -> list[float]:
    with closing(RunStore(place)) as store, ThreadPoolExecutor(writers) as pool:
        jobs = [pool.submit(_write, store, seconds, number) for number in range(writers)]
        return [each for job in jobs for each in job.result()]


def _write(store: RunStore, seconds: float, number: int) -> list[float]:
    plan = Plan(name="writer", phases=(Phase(name="heads", train=("heads",)),))
    spec = RunSpec(checkpoint="minilm-l6", plan=plan, tasks=DEFAULT_TASKS, seed=number)
    run = store.add(spec, RunState.RUNNING).id
    waited: list[float] = []
    began, step = monotonic(), 0
    while monotonic() - began < seconds:
        events = [_step(step + each) for each in range(1, _STEPS + 1)]
        step += _STEPS
        before = monotonic()
        store.append(run, events)
        waited.append(monotonic() - before)
        sleep(_EVERY_SECONDS)
    return waited


def _step(number: int) -> Step:
    return Step(
        elapsed_seconds=number / 10,
        phase="heads",
        step=number,
        epoch=number / 100,
        loss={"sentiment": 0.5, "ner": 0.25},
        learning_rates={"heads": 1e-3},
    )


if __name__ == "__main__":
    main()
