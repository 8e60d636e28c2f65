"""The inspector process: handles page requests that need torch or scikit-learn."""

import logging
import traceback
from collections.abc import Callable, Sequence

from mtl_core.cost.profile import CostProfile
from mtl_core.cost.speed import Speed
from mtl_core.engine.parent import Parent, connect
from mtl_core.engine.protocol import (
    BaselinesScored,
    CostsTraced,
    Describe,
    Described,
    MeasureSpeed,
    Predict,
    Predicted,
    Request,
    RequestFailed,
    Response,
    ScoreBaselines,
    SpeedMeasured,
    TraceCosts,
)
from mtl_core.engine.warm_models import WarmModels
from mtl_core.errors import FreezeLabError
from mtl_core.file_access import FileAccess
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.settings import Settings
from mtl_core.tasks.baselines import baselines_of_data
from mtl_core.training.predictions import ModelSource, Prediction, Sentence

Describer = Callable[[Checkpoint], BackboneDescription]
Tracer = Callable[[Checkpoint], CostProfile]
Predictor = Callable[[ModelSource, Sequence[Sentence], FileAccess], tuple[Prediction, ...]]
Measurer = Callable[[Settings], Speed]


def serve(
    describe: Describer, trace_costs: Tracer, predict: Predictor, measure_speed: Measurer
) -> None:
    """Handle the requests of the parent, until the parent is gone."""
    parent = Parent(connect())
    for message in parent.messages():
        if isinstance(message, Request):
            parent.send(_respond(message, describe, trace_costs, predict, measure_speed))


def _respond(
    request: Request,
    describe: Describer,
    trace_costs: Tracer,
    predict: Predictor,
    measure_speed: Measurer,
) -> Response | RequestFailed:
    try:
        match request:
            case TraceCosts():
                return CostsTraced(profile=trace_costs(request.checkpoint))
            case Describe():
                return Described(description=describe(request.checkpoint))
            case Predict():
                return Predicted(
                    predictions=predict(request.model, request.sentences, request.access)
                )
            case ScoreBaselines():
                return BaselinesScored(baselines=baselines_of_data(request.dataset))
            case MeasureSpeed():
                return SpeedMeasured(speed=measure_speed(request.settings))
    except FreezeLabError as problem:
        return RequestFailed.from_error(problem)
    except Exception as problem:
        traceback.print_exc()
        return RequestFailed.from_error(problem)


def _describe(checkpoint: Checkpoint) -> BackboneDescription:
    from mtl_core.models.describe import describe

    return describe(checkpoint)


def _trace_costs(checkpoint: Checkpoint) -> CostProfile:
    from mtl_core.cost.trace import trace_costs

    return trace_costs(checkpoint)


def _measure_speed(settings: Settings) -> Speed:
    from mtl_core.cost.calibrate import measure_speed

    return measure_speed(settings)


def predict_with(warm: WarmModels) -> Predictor:
    """A predictor that caches its loaded models in `warm`."""

    def predict(
        source: ModelSource, sentences: Sequence[Sentence], access: FileAccess
    ) -> tuple[Prediction, ...]:
        from mtl_core.models.matrix_products import compute_with
        from mtl_core.training.predicting import predict as predict_by

        compute_with(source.spec.threads)
        return predict_by(warm.get(source, access), sentences)

    return predict


if __name__ == "__main__":
    logging.basicConfig()
    serve(_describe, _trace_costs, predict_with(WarmModels()), _measure_speed)
