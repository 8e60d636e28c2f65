"""What pages ask without waiting for a run: of a checkpoint, of a model, of data."""

from collections.abc import Sequence

from mtl_core.cost.kept import profile_of
from mtl_core.cost.profile import CostProfile
from mtl_core.engine.allowed_data import require_allowed_data
from mtl_core.engine.baselines import DataBaselines
from mtl_core.engine.inspector import Inspector
from mtl_core.models.cache import description_of
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.settings import Settings
from mtl_core.tasks.task import Task
from mtl_core.training.predictions import AskedModel, Prediction, Sentence


class Asking:
    """The part of the lab that answers at once, from what is kept or through the inspector.

    What it may name of this machine is what a browser may. `baselines` are what data give without
    a model.
    """

    def __init__(self, settings: Settings, inspector: Inspector) -> None:
        self.settings = settings
        self._inspector = inspector
        self.baselines = DataBaselines(settings.baselines, inspector.baselines)

    def model_description(self, reference: str, tasks: tuple[Task, ...]) -> ModelDescription:
        """The model of a checkpoint, as a browser may name it, with one head for each task.

        Milliseconds for the catalogue and for what was described before, else seconds. Raises
        CheckpointError for one that is unknown, outside the configured folders or unsuitable.
        """
        checkpoint = resolve_checkpoint(reference, below=self.settings.checkpoint_roots)
        backbone = description_of(checkpoint, self.settings, self._inspector.describe)
        return ModelDescription(backbone, tasks)

    def cost_profile(self, checkpoint: Checkpoint) -> CostProfile:
        """What a training step of a checkpoint costs, for every plan: milliseconds or seconds, as
        `model_description`.

        Raises UnsupportedArchitecture where it cannot be traced.
        """
        return profile_of(checkpoint, self.settings, self._inspector.trace_costs)

    def predict(self, model: AskedModel, sentences: Sequence[Sentence]) -> tuple[Prediction, ...]:
        """What a model answers to each sentence: seconds the first time, then tens of
        milliseconds a sentence at most.

        Raises CheckpointError where the model is gone, or its checkpoint may not be named by a
        browser, and InternalError where the child does not answer.
        """
        if model.folder is None:
            resolve_checkpoint(model.spec.checkpoint, below=self.settings.checkpoint_roots)
        return self._inspector.predict(model, sentences)

    def require_allowed_data(self, reference: str) -> None:
        """Raises DataError for data outside the folders that a browser may name, and for an upload
        that is not here."""
        require_allowed_data(reference, self.settings)
