"""Scores of a head: sentences by class, entities as whole spans.

They equal those of scikit-learn and seqeval, which take a second of every run to import.
"""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from statistics import fmean

from mtl_core.tasks.schemes import Span, spans, strict_spans, to_iob2

Tags = Sequence[Sequence[str]]


def score_sentences(
    gold: Sequence[int], predicted: Sequence[int], outputs: Sequence[str]
) -> dict[str, float]:
    """`accuracy`, and `macro_f1` as the mean over all of the head's outputs.

    gold, predicted: (examples,), indices into `outputs`. A class that occurs in neither counts
    as 0 in the mean. Source: scikit-learn's `accuracy_score`, and `f1_score` with average "macro".
    """
    correct = Counter(own for own, found in zip(gold, predicted, strict=True) if own == found)
    either = Counter(gold) + Counter(predicted)
    classes = range(len(outputs))
    return {
        "accuracy": correct.total() / len(gold),
        "macro_f1": fmean(_ratio(2 * correct[each], either[each]) for each in classes),
    }


def score_entities(gold: Tags, predicted: Tags) -> dict[str, float | None]:
    """`entity_f1`, `precision` and `recall` over all entities (micro), in strict IOB2.

    gold, predicted: one sequence of tags per sentence, of equal lengths. Tags in IO are converted:
    consecutive words of one type are one entity. In IOB2 an `I-x` that continues no entity of its
    type is ignored. Without any entity in `gold` the scores are undefined: None.
    Source: seqeval 1.2, mode "strict", which gives 0 in that case.
    """
    if not _in_iob2(gold, predicted):
        gold, predicted = _converted(gold), _converted(predicted)
    pairs = [
        (set(strict_spans(own)), set(strict_spans(found)))
        for own, found in zip(gold, predicted, strict=True)
    ]
    return entity_scores(
        sum(len(own & found) for own, found in pairs),
        sum(len(found) for _, found in pairs),
        sum(len(own) for own, _ in pairs),
    )


def entity_scores(correct: int, predicted: int, gold: int) -> dict[str, float | None]:
    """`entity_f1`, `precision` and `recall` from numbers of entities; None if `gold` is 0.

    Without a predicted entity precision is 0.
    """
    if not gold:
        return {"entity_f1": None, "precision": None, "recall": None}
    precision, recall = _ratio(correct, predicted), _ratio(correct, gold)
    return {
        "entity_f1": _ratio(2 * precision * recall, precision + recall),
        "precision": precision,
        "recall": recall,
    }


def scored_spans(tags: Sequence[str], outputs: Sequence[str]) -> tuple[Span, ...]:
    """The entities of a sentence that `score_entities` counts for a head with these outputs."""
    if len(tags) > _LONGEST_CACHED:
        return _scored_spans.__wrapped__(tuple(tags), tuple(outputs))
    return _scored_spans(tuple(tags), tuple(outputs))


_LONGEST_CACHED = 100  # words


@lru_cache(maxsize=100_000)  # the seeds of a comparison give many sentences the same tags
def _scored_spans(tags: tuple[str, ...], outputs: tuple[str, ...]) -> tuple[Span, ...]:
    return strict_spans(tags) if _in_iob2([outputs]) else spans(tags)


def entity_counts(
    gold: Sequence[str], predicted: Sequence[str], outputs: Sequence[str]
) -> tuple[int, int, int]:
    """The correct, predicted and gold entities of one sentence.

    gold, predicted: tags of equal length. Summed over all sentences the counts give the scores of
    `score_entities`.
    """
    expected, found = (set(scored_spans(tags, outputs)) for tags in (gold, predicted))
    return len(expected & found), len(found), len(expected)


def _in_iob2(*split: Tags) -> bool:
    # Without any B-, no entity of the gold tags is in IOB2: IO, or none and every score is 0.
    return any(tag.startswith("B-") for tags in split for sentence in tags for tag in sentence)


def _converted(tags: Tags) -> Tags:
    return [to_iob2(sentence) for sentence in tags]


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0
