"""Predictions of saved models, through a real child process with torch."""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mtl_core.engine.inspector import ARGV, Inspector
from mtl_core.engine.warm_models import WarmModels
from mtl_core.errors import DamagedCheckpoint, MissingWeights
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.tasks.dataset import load_dataset, load_tasks
from mtl_core.tasks.scoring import score_entities, score_sentences
from mtl_core.training.events import Evaluation, RunEvent, RunFinished, RunStarted
from mtl_core.training.predictions import (
    ModelSource,
    Prediction,
    Sentence,
    SentenceAnswer,
    TokenAnswer,
)
from mtl_core.training.run import fine_tune
from mtl_core.training.spec import RunSpec


@pytest.fixture(scope="module")
def finished(
    tiny_checkpoint: Path, tiny_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunSpec, Path, list[RunEvent]]:
    """A run of both heads and the top layer, its spec as it ran, and the folder it wrote."""
    spec = RunSpec(
        checkpoint=str(tiny_checkpoint),
        plan=Plan(
            name="top",
            phases=(Phase(name="one", train=("all",)),),
            learning_rate=0.003,
            head_learning_rate=0.02,
        ),
        data=str(tiny_data),
        tasks=load_tasks(str(tiny_data), ANY_FILE),
        epochs=20,
        batch_size=4,
        max_length=16,
        seed=3,
    )
    folder = tmp_path_factory.mktemp("runs") / "model"
    events = list(fine_tune(spec, "a-run", folder))
    started = next(event for event in events if isinstance(event, RunStarted))
    return started.spec, folder, events


@pytest.fixture(scope="module")
def inspector() -> Iterator[Inspector]:
    asked = Inspector(ARGV)
    yield asked
    asked.close()


def scored(
    spec: RunSpec, predictions: tuple[Prediction, ...]
) -> tuple[dict[str, float], dict[str, float]]:
    """The two tasks' scores by these answers to the validation sentences."""
    dataset = load_dataset(spec.data, ANY_FILE)
    by_place = dict(zip(range(len(predictions)), predictions, strict=True))
    gold: list[int] = []
    found: list[int] = []
    tags: list[tuple[str, ...]] = []
    found_tags: list[tuple[str, ...]] = []
    outputs = spec.tasks[0].outputs
    for place, example in enumerate(dataset.validation):
        if isinstance(label := example.labels.get("sentiment"), str):
            answer = by_place[place].answers["sentiment"]
            assert isinstance(answer, SentenceAnswer)
            gold.append(outputs.index(label))
            found.append(outputs.index(answer.label))
        if isinstance(label := example.labels.get("ner"), tuple):
            entities = by_place[place].answers["ner"]
            assert isinstance(entities, TokenAnswer)
            tags.append(label)
            found_tags.append(entities.tags)
    return score_sentences(gold, found, outputs), score_entities(tags, found_tags)


def validation_of(spec: RunSpec) -> list[Sentence]:
    return [
        Sentence(text=None, words=each.words) if each.words else Sentence.typed(each.text or "")
        for each in load_dataset(spec.data, ANY_FILE).validation
    ]


def test_a_saved_model_predicts_as_in_the_last_evaluation_of_its_run(
    finished: tuple[RunSpec, Path, list[RunEvent]], inspector: Inspector
) -> None:
    spec, folder, events = finished
    last = events[-1]
    assert isinstance(last, RunFinished)
    predictions = inspector.predict(
        ModelSource(spec=spec, folder=folder), validation_of(spec), ANY_FILE
    )
    sentiment, ner = scored(spec, predictions)
    assert last.metrics["sentiment"].model_dump(exclude={"loss"}) == sentiment
    assert last.metrics["ner"].model_dump(exclude={"loss"}) == ner
    assert sentiment["accuracy"] > 0.5
    assert ner["entity_f1"] > 0.5


def test_before_training_predictions_are_those_of_the_first_evaluation(
    finished: tuple[RunSpec, Path, list[RunEvent]], inspector: Inspector
) -> None:
    spec, folder, events = finished
    first = next(event for event in events if isinstance(event, Evaluation))
    before = inspector.predict(ModelSource(spec=spec), validation_of(spec), ANY_FILE)
    sentiment, ner = scored(spec, before)
    assert first.tasks["sentiment"].model_dump(exclude={"loss"}) == sentiment
    assert first.tasks["ner"].model_dump(exclude={"loss"}) == ner
    assert before != inspector.predict(
        ModelSource(spec=spec, folder=folder), validation_of(spec), ANY_FILE
    )


def test_confidences_are_a_softmax_and_entities_cover_the_words_of_their_tags(
    finished: tuple[RunSpec, Path, list[RunEvent]], inspector: Inspector
) -> None:
    spec, folder, _ = finished
    sentence = Sentence.typed("anna was in oslo.")
    assert sentence.words == ("anna", "was", "in", "oslo", ".")
    (prediction,) = inspector.predict(ModelSource(spec=spec, folder=folder), [sentence], ANY_FILE)
    sentiment, ner = prediction.answers["sentiment"], prediction.answers["ner"]
    assert isinstance(sentiment, SentenceAnswer)
    assert sum(sentiment.by_label.values()) == pytest.approx(1, abs=1e-6)
    assert sentiment.confidence == max(sentiment.by_label.values())
    assert isinstance(ner, TokenAnswer)
    assert ner.tags == ("B-PER", "O", "O", "B-LOC", "O")
    assert [(each.start, each.end, each.type) for each in ner.entities] == [
        (0, 1, "PER"),
        (3, 4, "LOC"),
    ]
    assert [each.confidence for each in ner.entities] == [ner.confidences[0], ner.confidences[3]]
    assert not prediction.cut


def test_a_sentence_that_is_too_long_is_truncated(
    finished: tuple[RunSpec, Path, list[RunEvent]], inspector: Inspector
) -> None:
    spec, folder, _ = finished
    long, fitting = Sentence.typed("food " * 20), Sentence.typed("food " * 14)
    predictions = inspector.predict(
        ModelSource(spec=spec, folder=folder), [long, fitting], ANY_FILE
    )
    assert [(each.words, each.words_read, each.cut) for each in predictions] == [
        (20, 14, True),
        (14, 14, False),
    ]
    ner = predictions[0].answers["ner"]
    assert isinstance(ner, TokenAnswer)
    assert ner.confidences[14:] == (None,) * 6
    assert ner.tags[14:] == ("O",) * 6


def test_a_sentence_is_truncated_on_the_side_of_the_tokenizer(
    finished: tuple[RunSpec, Path, list[RunEvent]], inspector: Inspector, tmp_path: Path
) -> None:
    spec, folder, _ = finished
    copied = tmp_path / "copy"
    shutil.copytree(folder, copied)
    config = copied / "tokenizer_config.json"
    keys = json.loads(config.read_text(encoding="utf-8"))
    config.write_text(json.dumps(keys | {"truncation_side": "left"}), encoding="utf-8")
    without_digests(copied / "freeze_lab.json")
    sentences = [Sentence.typed("anna " + "food " * 18 + "oslo"), Sentence.typed("food " * 14)]
    predictions = inspector.predict(ModelSource(spec=spec, folder=copied), sentences, ANY_FILE)
    assert [(each.words_read, each.first_read, each.cut) for each in predictions] == [
        (14, 6, True),
        (14, 0, False),
    ]
    assert predictions[0].read_in_words == "the last 14 of 20 words"
    ner = predictions[0].answers["ner"]
    assert isinstance(ner, TokenAnswer)
    assert ner.confidences[:6] == (None,) * 6
    assert ner.tags[:6] == ("O",) * 6
    assert ner.tags[19] == "B-LOC"


def without_digests(file: Path) -> None:
    """Make a saved model look like one of an earlier version, which stored no digests."""
    record = json.loads(file.read_text(encoding="utf-8"))
    del record["files"]
    file.write_text(json.dumps(record), encoding="utf-8")


def test_a_missing_or_replaced_model_is_reported(
    finished: tuple[RunSpec, Path, list[RunEvent]], inspector: Inspector, tmp_path: Path
) -> None:
    spec, folder, _ = finished
    copied = tmp_path / "copy"
    shutil.copytree(folder, copied)
    one = [Sentence.typed("good")]
    other = spec.tasks[0].model_copy(update={"outputs": ("bad", "good", "unsure")})
    wider = spec.model_copy(update={"tasks": (other, spec.tasks[1])})
    with pytest.raises(DamagedCheckpoint, match=r"copy holds another model: .*classifier"):
        inspector.predict(ModelSource(spec=wider, folder=copied), one, ANY_FILE)
    renamed = spec.tasks[0].model_copy(update={"head": "mood"})
    with pytest.raises(DamagedCheckpoint, match=r"lacks 2 tensors, mood\.weight among them"):
        inspector.predict(
            ModelSource(
                spec=spec.model_copy(update={"tasks": (renamed, spec.tasks[1])}), folder=copied
            ),
            one,
            ANY_FILE,
        )
    assert len(inspector.predict(ModelSource(spec=spec, folder=copied), one, ANY_FILE)) == 1
    shutil.rmtree(copied)
    with pytest.raises(MissingWeights, match=r"no longer at .*copy\. Train the plan again"):
        inspector.predict(ModelSource(spec=spec, folder=copied), one, ANY_FILE)


def test_the_least_recently_used_model_is_evicted_when_memory_is_short(
    finished: tuple[RunSpec, Path, list[RunEvent]],
) -> None:
    spec, folder, _ = finished
    trained = ModelSource(spec=spec, folder=folder)
    starts = [ModelSource(spec=spec.model_copy(update={"seed": seed})) for seed in (1, 2)]
    size = WarmModels().get(trained, ANY_FILE).size_bytes
    warm = WarmModels(limit_bytes=2 * size)
    first = warm.get(trained, ANY_FILE)
    start = warm.get(starts[0], ANY_FILE)
    assert warm.get(trained, ANY_FILE) is first
    warm.get(starts[1], ANY_FILE)
    assert len(warm) == 2
    assert warm.get(trained, ANY_FILE) is first
    assert warm.get(starts[0], ANY_FILE) is not start
    assert len(WarmModels(limit_bytes=1)) == 0
    cramped = WarmModels(limit_bytes=1)
    cramped.get(trained, ANY_FILE)
    cramped.get(starts[0], ANY_FILE)
    assert len(cramped) == 1


def test_the_server_does_not_import_torch_to_predict() -> None:
    import subprocess

    code = (
        "import sys, mtl_core.engine.lab, mtl_core.training.predictions; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
