"""An inspector without torch: the checkpoint's reference selects its behaviour.

It measures the speed of this machine once the file `go` exists in the home folder, and fails if
`fail` exists.
"""

import os
import signal
import time
from collections.abc import Sequence

from mtl_core.cost.profile import CostProfile
from mtl_core.cost.profile_cache import read_profile, shipped_profile
from mtl_core.cost.speed import Speed, machine
from mtl_core.engine.inspector_child import serve
from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.settings import Settings
from mtl_core.training.predictions import ModelSource, Prediction, Sentence


def describe(checkpoint: Checkpoint) -> BackboneDescription:
    match checkpoint.reference:
        case "no encoder":
            raise UnsupportedArchitecture("'gpt2' is a decoder.")
        case "a mistake":
            raise ValueError("a mistake of ours")
        case "death":
            os._exit(3)
        case "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "slow":
            time.sleep(600)
    return read_description(shipped_description(checkpoint.reference))


def trace_costs(checkpoint: Checkpoint) -> CostProfile:
    return read_profile(shipped_profile(checkpoint.reference))


def predict(asked: ModelSource, sentences: Sequence[Sentence]) -> tuple[Prediction, ...]:
    return tuple(Prediction(answers={}, words=len(s.words), words_read=0) for s in sentences)


def measure_speed(settings: Settings) -> Speed:
    if (settings.home / "fail").exists():
        os._exit(3)
    while not (settings.home / "go").exists():
        time.sleep(0.01)
    return Speed(
        machine=machine(settings),
        forward_seconds_per_flop=1e-10,
        keeping_seconds_per_byte=0.0,
        backward_seconds_per_flop=1e-10,
        optimizer_seconds_per_parameter=1e-8,
    )


serve(describe, trace_costs, predict, measure_speed)
