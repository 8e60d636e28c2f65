"""Speed of a fine-tune by number of threads and wait policy, alone and on busy cores.

    python benchmarks/threads.py [--rounds 2] [--neighbours 2] [--scenario full]
                                 [--niceness 0] [--json]

Trains the same few steps with one thread and with two. Waiting threads sleep at once (passive),
spin for some microseconds first (brief, what Freeze Lab sets) or spin on (active). The run is alone
first, then beside busy loops. It has the priority of the loops unless `--niceness` sets another;
the dashboard's trainer runs at niceness 15. Every run has a new process, and the settings
alternate, so that other work on the machine affects all of them. Prints steps per second, the
ratio to one thread, and whether the losses are bit-identical.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise, product, takewhile
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from mtl_core.cli.model_and_plan import load_model_and_plan
from mtl_core.training.environment import ENVIRONMENT
from mtl_core.training.events import RunEvent
from mtl_core.training.prepare import prepare_spec
from mtl_core.training.spec import RunSpec

_BUSY = "print(flush=True)\nwhile True: pass"
_OTHERS = {name: value for name, value in ENVIRONMENT.items() if name != "GOMP_SPINCOUNT"}
WAITING: dict[str, dict[str, str]] = {
    "passive": {**_OTHERS, "OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"},
    "brief": ENVIRONMENT,
    "active": {**_OTHERS, "OMP_WAIT_POLICY": "ACTIVE", "KMP_BLOCKTIME": "200"},
}


def main() -> None:
    """Measure all settings and print a table; with --one-run, be one of the measured processes."""
    arguments = _arguments()
    if arguments.one_run:
        spec = RunSpec.model_validate_json(sys.stdin.read())
        print(json.dumps(_one_run(spec, arguments.niceness)))
        return
    ways = list(product((0, arguments.neighbours), (1, 2), WAITING))
    results: dict[tuple[int, int, str], list[dict[str, Any]]] = {way: [] for way in ways}
    for _, (neighbours, threads, waiting) in product(range(arguments.rounds), ways):
        with _busy(neighbours):
            run = _run(_spec(arguments.scenario, threads), waiting, arguments.niceness)
        results[neighbours, threads, waiting].append(run)
        pace = f"{run['steps_per_second']:.2f} steps per second"
        print(f"{neighbours} busy, {threads} threads, {waiting}: {pace}", file=sys.stderr)
    rows = [_row(way, results) for way in ways]
    print(json.dumps(rows, indent=2) if arguments.json else _markdown(rows, results))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--neighbours", type=int, default=2, help="busy loops beside the run")
    parser.add_argument("--scenario", default="full")
    parser.add_argument("--niceness", type=int, default=0, help="of the run")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one-run", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _spec(scenario: str, threads: int) -> RunSpec:
    chosen = load_model_and_plan("minilm-l6", scenario, None, "sample")
    return prepare_spec(
        chosen.model,
        chosen.plan,
        checkpoint="minilm-l6",
        scenario=scenario,
        data="sample",
        epochs=1,
        examples={task.name: 144 for task in chosen.model.tasks},
        threads=threads,
        prefix_reuse=False,
    )


def _run(spec: RunSpec, waiting: str, niceness: int) -> dict[str, Any]:
    done = subprocess.run(  # noqa: S603
        [sys.executable, __file__, "--one-run", "--niceness", str(niceness)],
        input=spec.model_dump_json(),
        env=os.environ | WAITING[waiting],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def _one_run(spec: RunSpec, niceness: int) -> dict[str, Any]:
    """Train in this process; steps per second, and the losses."""
    from mtl_core.training.run import fine_tune

    with suppress(OSError, AttributeError):
        os.nice(niceness)
    events = list(takewhile(_before_last_evaluation, fine_tune(spec, "a run")))
    seconds = [
        later.elapsed_seconds - earlier.elapsed_seconds
        for earlier, later in pairwise(events)
        if earlier.event == later.event == "step"
    ]
    losses = [event.loss for event in events if event.event == "step"]
    return {"steps_per_second": 1 / mean(seconds), "losses": losses}


def _before_last_evaluation(event: RunEvent) -> bool:
    """Whether steps still follow; the final evaluation is skipped because it is not timed."""
    return not (event.event == "evaluation" and event.epoch > 0)


@contextmanager
def _busy(count: int) -> Iterator[None]:
    """Keep `count` cores busy."""
    loops: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(count):
            loops.append(
                subprocess.Popen([sys.executable, "-c", _BUSY], stdout=subprocess.PIPE)  # noqa: S603
            )
        for loop in loops:
            assert loop.stdout is not None
            loop.stdout.readline()
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.communicate()


def _row(
    way: tuple[int, int, str], results: dict[tuple[int, int, str], list[dict[str, Any]]]
) -> dict[str, Any]:
    """The median over rounds, and its ratio to one passive thread with as many busy loops."""
    neighbours, threads, waiting = way
    pace = median(run["steps_per_second"] for run in results[way])
    one = median(run["steps_per_second"] for run in results[neighbours, 1, "passive"])
    same_threads = [
        run["losses"] for each, runs in results.items() for run in runs if each[1] == threads
    ]
    return {
        "neighbours": neighbours,
        "threads": threads,
        "waiting": waiting,
        "steps_per_second": pace,
        "times_one_thread": pace / one,
        "losses_identical": all(losses == same_threads[0] for losses in same_threads),
    }


def _markdown(
    rows: list[dict[str, Any]], results: dict[tuple[int, int, str], list[dict[str, Any]]]
) -> str:
    lines = [
        "| busy neighbours | threads | waiting | steps per second | times one passive thread | "
        "losses of this thread count |",
        "|--:|--:|---|--:|--:|---|",
    ]
    lines += [
        f"| {row['neighbours']} | {row['threads']} | {row['waiting']} "
        f"| {row['steps_per_second']:.2f} | {row['times_one_thread']:.2f} "
        f"| {'identical' if row['losses_identical'] else 'DIFFER'} |"
        for row in rows
    ]
    one, two = (results[0, threads, "passive"][0]["losses"] for threads in (1, 2))
    lines += [
        "",
        f"Losses of one and two threads {'agree' if one == two else 'differ'} in the last digits.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
