"""Queries of pages about checkpoints, models and data, answered while a run is training."""

from collections.abc import Sequence
from functools import lru_cache

from mtl_core.cost.profile import CostProfile
from mtl_core.cost.profile_cache import load_profile
from mtl_core.engine.baselines import DataBaselines
from mtl_core.engine.data_reader import DataReader
from mtl_core.engine.inspector import Inspector
from mtl_core.file_access import FileAccess
from mtl_core.models.cache import catalogue_description, description_of
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import ModelDescription
from mtl_core.models.sentence_vector import SentenceVector
from mtl_core.models.trained_vector import trained_sentence_vector
from mtl_core.settings import Settings
from mtl_core.tasks.task import Task
from mtl_core.training.predictions import ModelSource, Prediction, Sentence


class InspectorQueries:
    """The queries of the lab that are answered from caches or by the inspector process.

    `access` decides which checkpoints and data are loaded. `data` reads data sets, and
    `baselines` computes the scores that they reach without an encoder.
    """

    def __init__(
        self, settings: Settings, access: FileAccess, inspector: Inspector, data: DataReader
    ) -> None:
        self.settings, self.access, self.data = settings, access, data
        self._inspector = inspector
        self.baselines = DataBaselines(settings.baselines, inspector.baselines)

    def model_description(
        self,
        reference: str,
        tasks: tuple[Task, ...],
        sentence_vector: SentenceVector | None = None,
    ) -> ModelDescription:
        """Describe the model of a checkpoint, with one head per task.

        Without a `sentence_vector`, heads read the one that the checkpoint was trained with. Takes
        milliseconds for catalogue names and cached descriptions, otherwise seconds. Raises
        CheckpointError for a checkpoint that is unknown, outside the configured folders, or not
        supported.
        """
        checkpoint = resolve_checkpoint(reference, self.access)
        backbone = description_of(checkpoint, self.settings, self._inspector.describe)
        vector = sentence_vector or trained_sentence_vector(checkpoint)
        if checkpoint.entry is None:
            return ModelDescription(backbone, tasks, vector)
        return _of_catalogue(checkpoint.entry, tasks, vector)

    def cost_profile(self, checkpoint: Checkpoint) -> CostProfile:
        """The costs of a training step with a checkpoint, from which those of any plan follow.

        Takes milliseconds if the profile is cached, otherwise seconds. Raises
        UnsupportedArchitecture if the costs cannot be traced.
        """
        return load_profile(checkpoint, self.settings, self._inspector.trace_costs)

    def predict(self, model: ModelSource, sentences: Sequence[Sentence]) -> tuple[Prediction, ...]:
        """Predict the labels of each sentence.

        Takes seconds for the first call with a model, then at most tens of milliseconds per
        sentence. Raises CheckpointError if the model is missing or a browser may not load its
        checkpoint, and InternalError if the inspector does not respond.
        """
        if model.folder is None:
            resolve_checkpoint(model.spec.checkpoint, self.access)
        return self._inspector.predict(model, sentences, self.access)


@lru_cache(maxsize=64)
def _of_catalogue(name: str, tasks: tuple[Task, ...], vector: SentenceVector) -> ModelDescription:
    """The model of a catalogue entry; the same object for all who ask, with its tensors."""
    return ModelDescription(catalogue_description(name), tasks, vector)
