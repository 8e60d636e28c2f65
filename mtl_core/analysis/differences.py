"""The settings in which the specs of several runs differ."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mtl_core.training.spec import RunSpec

_OF_THE_PLAN = ("scenario", "arm", "plan")
_OF_THE_MACHINE = (
    "threads",
    "prefix_reuse",
    "device",
    "measure",
    "processor",
    "trained_together",
)  # change only the last digits of a loss
_OF_THE_MEASURING = (
    "also_evaluate",
    "others_each_epoch",
    "evaluations_per_epoch",
    "probe_layers",
    "other_data_digests",
)  # no influence on training
_KNOWN_LATER = ("weights_digest", "data_digests", "versions")  # recorded when a run starts
_WORDS = {
    "data_digests": "the data's content",
    "weights_digest": "the weights' content",
    "batch_size": "batch size",
    "max_length": "max length",
    "micro_batch_size": "micro-batch size",
    "gradient_checkpointing": "gradient checkpointing",
    "examples": "training sentences",
    "label_noise": "label noise",
    "resample": "how the training sentences are drawn",
    "starts_from": "the run that it starts from",
    "frozen_dropout": "dropout in frozen layers",
    "random_backbone": "pretrained or random weights",
}


@dataclass(frozen=True, slots=True)
class SpecDifference:
    """One dotted key of a spec and its value in each run; None if a spec has no such key.

    Phases are counted from 1: `plan.phases.2.train`.
    """

    key: str
    values: tuple[str | None, ...]


def spec_differences(specs: Sequence[RunSpec]) -> tuple[SpecDifference, ...]:
    """Returns the keys with different values, in the order of the spec, without the arm's name."""
    flat = [dict(_leaves("", spec.model_dump(mode="json", exclude={"arm"}))) for spec in specs]
    keys = dict.fromkeys(key for leaves in flat for key in leaves)
    found = (SpecDifference(key, tuple(leaves.get(key) for leaves in flat)) for key in keys)
    return tuple(each for each in found if len(set(each.values)) > 1)


def beyond_the_plan(specs: Sequence[RunSpec]) -> tuple[str, ...]:
    """Names the settings other than the plan that differ: ("epochs", "seed").

    A digest or version that a run has not recorded yet does not count as a difference.
    """
    names = []
    for name in RunSpec.model_fields:
        if name in (*_OF_THE_PLAN, *_OF_THE_MACHINE, *_OF_THE_MEASURING):
            continue
        values = [getattr(spec, name) for spec in specs]
        if name in _KNOWN_LATER:
            values = [value for value in values if value]
        if any(value != values[0] for value in values[1:]):
            names.append(_WORDS.get(name, name.replace("_", " ")))
    return tuple(names)


def same_sentences(specs: Sequence[RunSpec]) -> bool:
    """Whether all runs are judged on the same sentences: the same tasks on the same data.

    Scores are only comparable if they are. Tokenizer and maximum length may differ: scores are over
    whole sentences and words, and a word that was cut off counts as O.
    """
    digests = [spec.data_digests for spec in specs if spec.data_digests]
    return len({(spec.data, spec.tasks) for spec in specs}) <= 1 and all(
        each == digests[0] for each in digests[1:]
    )


def _leaves(prefix: str, value: Any) -> list[tuple[str, str | None]]:
    """Returns dotted keys and texts; a list of plain values is one leaf."""
    if isinstance(value, Mapping):
        parts = [(str(key), each) for key, each in value.items()]
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        parts = [(str(number), each) for number, each in enumerate(value, start=1)]
    else:
        return [(prefix, _text(value))]
    return [
        leaf for key, each in parts for leaf in _leaves(f"{prefix}.{key}" if prefix else key, each)
    ]


def _text(value: Any) -> str | None:
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "nothing"
    return None if value is None else str(value)
