"""An inspector that needs no torch: the checkpoint's reference says how it answers."""

import os
import time
from collections.abc import Sequence

from mtl_core.cost.kept import read_profile, shipped_profile
from mtl_core.cost.profile import CostProfile
from mtl_core.engine.inspector_child import serve
from mtl_core.errors import UnsupportedArchitecture
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.training.predictions import AskedModel, Prediction, Sentence


def describe(checkpoint: Checkpoint) -> BackboneDescription:
    match checkpoint.reference:
        case "no encoder":
            raise UnsupportedArchitecture("'gpt2' is a decoder.")
        case "a mistake":
            raise ValueError("a mistake of ours")
        case "death":
            os._exit(3)
        case "slow":
            time.sleep(600)
    return read_description(shipped_description(checkpoint.reference))


def trace_costs(checkpoint: Checkpoint) -> CostProfile:
    return read_profile(shipped_profile(checkpoint.reference))


def predict(asked: AskedModel, sentences: Sequence[Sentence]) -> tuple[Prediction, ...]:
    return tuple(Prediction(answers={}, words=len(s.words), words_read=0) for s in sentences)


serve(describe, trace_costs, predict)
