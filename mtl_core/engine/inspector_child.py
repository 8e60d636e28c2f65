"""The inspector: a child that answers what a page wants to know of torch or scikit-learn."""

import logging
import traceback
from collections.abc import Callable, Sequence

from mtl_core.cost.profile import CostProfile
from mtl_core.cost.speed import Speed
from mtl_core.engine.parent import Parent
from mtl_core.engine.protocol import (
    Answer,
    BaselinesScored,
    CostsTraced,
    Describe,
    Described,
    MeasureSpeed,
    Predict,
    Predicted,
    Question,
    Refused,
    ScoreBaselines,
    SpeedMeasured,
    TraceCosts,
)
from mtl_core.engine.warm_models import WarmModels
from mtl_core.errors import FreezeLabError
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.description import BackboneDescription
from mtl_core.settings import Settings
from mtl_core.tasks.baselines import baselines_of_data
from mtl_core.training.predictions import AskedModel, Prediction, Sentence

Describer = Callable[[Checkpoint], BackboneDescription]
Tracer = Callable[[Checkpoint], CostProfile]
Predictor = Callable[[AskedModel, Sequence[Sentence]], tuple[Prediction, ...]]
Measurer = Callable[[Settings], Speed]


def serve(
    describe: Describer, trace_costs: Tracer, predict: Predictor, measure_speed: Measurer
) -> None:
    """Answer what the parent asks until it is gone."""
    parent = Parent()
    for message in parent.messages():
        if isinstance(message, Question):
            parent.send(_answer(message, describe, trace_costs, predict, measure_speed))


def _answer(
    question: Question,
    describe: Describer,
    trace_costs: Tracer,
    predict: Predictor,
    measure_speed: Measurer,
) -> Answer | Refused:
    try:
        match question:
            case TraceCosts():
                return CostsTraced(profile=trace_costs(question.checkpoint))
            case Describe():
                return Described(description=describe(question.checkpoint))
            case Predict():
                return Predicted(predictions=predict(question.model, question.sentences))
            case ScoreBaselines():
                return BaselinesScored(baselines=baselines_of_data(question.dataset))
            case MeasureSpeed():
                return SpeedMeasured(speed=measure_speed(question.settings))
    except FreezeLabError as problem:
        return Refused.because_of(problem)
    except Exception as problem:
        traceback.print_exc()
        return Refused.because_of(problem)


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
    """A predictor that keeps its models in `warm`."""

    def predict(asked: AskedModel, sentences: Sequence[Sentence]) -> tuple[Prediction, ...]:
        from mtl_core.models.matrix_products import compute_with
        from mtl_core.training.predicting import predict as predict_by

        compute_with(asked.spec.threads)
        return predict_by(warm.get(asked), sentences)

    return predict


if __name__ == "__main__":
    logging.basicConfig()
    serve(_describe, _trace_costs, predict_with(WarmModels()), _measure_speed)
