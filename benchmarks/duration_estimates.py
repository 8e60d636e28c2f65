"""Durations of runs as computed from their costs, beside the durations of the runs.

    python benchmarks/duration_estimates.py [--scenarios frozen,heads-only,top-1,gradual,full]
        [--data sample] [--examples N] [--epochs 3] [--json]

The form of a comparison shows such an estimate for plans and data that no run has used yet. The
speed of the machine is measured first, by `cost`. Each run is one `train` in a home without stored
outputs. Prints a Markdown table, or JSON with --json.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.run_request import ROOT, RunRequest, build_spec
from mtl_core.cost.speed import load_speed
from mtl_core.engine.computed_duration import computed_seconds
from mtl_core.file_access import ANY_FILE
from mtl_core.settings import Settings
from mtl_core.store.runs import RunStore
from mtl_core.tasks.data_sources import owner_dataset
from mtl_core.tasks.dataset import load_tasks

PROGRAM = (sys.executable, "-m", "mtl_core")


def main() -> None:
    """Measure the speed of the machine, train each scenario and print the table."""
    arguments = _arguments()
    rows = list(_rows(arguments))
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print("| scenario | computed s | measured s | computed / measured |\n|---|--:|--:|--:|")
    for row in rows:
        seconds = f"{row['computed_seconds']:.1f} | {row['measured_seconds']:.1f}"
        ratio = row["computed_seconds"] / row["measured_seconds"]
        print(f"| {row['scenario']} | {seconds} | {ratio:.2f} |")


def _rows(arguments: argparse.Namespace) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        settings = Settings.from_environment().model_copy(update={"home": home})
        _call(home, "cost", "--scenario", "full")
        speed = load_speed(settings)
        assert speed is not None
        for number, scenario in enumerate(arguments.scenarios.split(",")):
            request = RunRequest(
                "ours",
                scenario,
                data=arguments.data,
                examples=arguments.examples,
                epochs=arguments.epochs,
                threads=settings.threads,
            )
            spec = build_spec(request)
            computed = computed_seconds(spec, settings, ANY_FILE, owner_dataset, speed)
            measured = _trained_seconds(home / f"run-{number}", request)
            yield {
                "scenario": scenario,
                "computed_seconds": computed,
                "measured_seconds": measured,
            }


def _trained_seconds(home: Path, request: RunRequest) -> float:
    """The seconds of a run from its start to its end, as the store has them."""
    tasks = load_tasks(request.data, ANY_FILE) if request.examples else ()
    limits = [f"--examples={task.name}={request.examples}" for task in tasks]
    _call(
        home,
        *("train", "--scenario", request.scenario, "--data", request.data),
        *("--epochs", str(request.epochs), *limits),
    )
    with closing(RunStore(home / "runs.sqlite")) as store:
        (record,) = store.runs()
    assert record.seconds is not None
    return record.seconds


def _call(home: Path, *words: str) -> None:
    environment = os.environ | {"FREEZE_LAB_HOME": str(home)}
    command = (*PROGRAM, *words)
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)  # noqa: S603


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenarios", default="frozen,heads-only,top-1,gradual,full")
    parser.add_argument("--data", default="sample")
    parser.add_argument("--examples", type=int, help="training sentences of each task")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
