"""A trainer whose runs need no model: the plan's name or the seed selects their behaviour.

Its jobs of several runs are executed together. It reports half a second per epoch, and the best
scores at a head learning rate of 0.02. The notes of a run are its output folder, the process that
executes it, the trainer of which that process is a copy, and the GPUs that it may use.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mtl_core.engine.protocol import Train
from mtl_core.engine.trainer_child import serve
from mtl_core.errors import MissingWeights
from mtl_core.file_access import FileAccess
from mtl_core.training.events import (
    Counts,
    RunEvent,
    RunFinished,
    RunStarted,
    RunStopped,
    SentenceScore,
    Step,
)
from mtl_core.training.memory import peak_memory_bytes
from mtl_core.training.spec import RunSpec
from mtl_core.training.starting import Report, Stage, Starting
from mtl_core.training.together.rule import NotTogether

TRAINER = os.getpid()
HELD: list[bytes] = []
HELD_BYTES = 100_000_000
BY_SEED = {13: "broken", 99: "patient"}


def fine_tune(
    spec: RunSpec,
    run: str,
    output: Path | None,
    should_stop: Callable[[], bool],
    access: FileAccess,
    beside: tuple[RunSpec, ...],
    state: Path | None,
    should_save: Callable[[], bool],
    report: Report,
    start: Path | None,
) -> Iterator[RunEvent]:
    totals = Counts(all=10, trainable=1, frozen=9, unreached=0)
    gpus = os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    notes = (str(output), str(os.getpid()), str(TRAINER), gpus)
    report(Starting(stage=Stage.DATA))
    yield RunStarted(
        elapsed_seconds=0.0, run=run, spec=spec, totals=totals, total_steps=3, notes=notes
    )
    yield _step(1)
    match BY_SEED.get(spec.seed, spec.plan.name):
        case "noisy":
            print('{"message": "event"} from a library')
            os.write(1, b"straight to the descriptor\n")
        case "refused":
            raise MissingWeights("The weights of 'x' are not on this machine.")
        case "broken":
            raise ValueError("a mistake of ours")
        case "mute":
            return
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "crashed":
            print("Fatal: the last line it wrote", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hungry":
            HELD.append(b"x" * HELD_BYTES)
        case "deaf":
            time.sleep(600)  # one step that takes ten minutes
        case "counting":
            number = 1
            while not should_stop():
                number += 1
                yield _step(number)
                time.sleep(0.02)
            yield RunStopped(elapsed_seconds=1.0, reason="stopped between two steps")
            return
        case "patient" | "apart":
            while not should_stop():
                time.sleep(0.01)
            yield RunStopped(elapsed_seconds=1.0, reason="stopped between two steps")
            return
    yield _step(2)
    yield _step(3)
    yield _finished(spec, run)


def train_together(
    runs: tuple[Train, ...], should_stop: Callable[[str], bool], report: Report
) -> Iterator[tuple[str, RunEvent]]:
    """One step of each run in turn; `patient` runs train until they are stopped.

    A job with an `apart` run cannot be trained together. Alone such a run is patient.
    """
    if any(each.spec.plan.name == "apart" for each in runs):
        raise NotTogether
    totals = Counts(all=10, trainable=1, frozen=9, unreached=0)
    for each in runs:
        yield (
            each.run,
            RunStarted(
                elapsed_seconds=0.0,
                run=each.run,
                spec=each.spec,
                totals=totals,
                total_steps=3,
                notes=(str(each.output), str(os.getpid()), str(TRAINER)),
            ),
        )
    left, number = list(runs), 0
    while left:
        number += 1
        for each in tuple(left):
            patient = each.spec.plan.name == "patient"
            if number <= 3:
                yield each.run, _step(number)
            if each.spec.plan.name == "broken":
                raise ValueError("a mistake of ours")
            if number > 1 and each.spec.plan.name == "deaf":
                time.sleep(600)
            if should_stop(each.run):
                yield each.run, RunStopped(elapsed_seconds=1.0, reason="stopped between two steps")
            elif number == 3 and not patient:
                yield each.run, _finished(each.spec, each.run)
            else:
                continue
            left.remove(each)
        time.sleep(0.001)


def _finished(spec: RunSpec, run: str) -> RunFinished:
    _, rate = spec.plan.rates_in(spec.plan.phases[0])
    accuracy = 1 / (1 + 10 * abs(rate - 0.02))
    return RunFinished(
        elapsed_seconds=1.0,
        run=run,
        metrics={"sentiment": SentenceScore(loss=0.1, accuracy=accuracy, macro_f1=accuracy)},
        frozen_identical=True,
        frozen_tensors=9,
        peak_memory_bytes=peak_memory_bytes(),
        training_seconds=0.5 * spec.epochs,
        evaluation_seconds=0.5,
        total_seconds=1.0,
    )


def _step(number: int) -> Step:
    return Step(
        elapsed_seconds=number / 10,
        phase="heads",
        step=number,
        epoch=number / 3,
        loss={"sentiment": 1 / number},
        learning_rates={"heads": 1e-3},
    )


serve(fine_tune, train_together=train_together)
