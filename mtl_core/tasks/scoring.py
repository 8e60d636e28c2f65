"""Scores of a head: sentences by class, entities as whole spans.

scikit-learn and seqeval take a second to import, so they are imported when scoring.
"""

from collections.abc import Sequence

from mtl_core.tasks.schemes import Span, spans, strict_spans, to_iob2

Tags = Sequence[Sequence[str]]


def score_sentences(
    gold: Sequence[int], predicted: Sequence[int], outputs: Sequence[str]
) -> dict[str, float]:
    """`accuracy`, and `macro_f1` as the mean over all of the head's outputs, by scikit-learn.

    gold, predicted: (examples,), indices into `outputs`. A class that occurs in neither counts
    as 0 in the mean.
    """
    from sklearn.metrics import accuracy_score, f1_score

    every_output = range(len(outputs))
    macro_f1 = f1_score(
        gold, predicted, labels=list(every_output), average="macro", zero_division=0
    )
    return {"accuracy": float(accuracy_score(gold, predicted)), "macro_f1": float(macro_f1)}


def score_entities(gold: Tags, predicted: Tags) -> dict[str, float]:
    """`entity_f1`, `precision` and `recall` over all entities (micro), by seqeval's strict IOB2.

    gold, predicted: one sequence of tags per sentence, of equal lengths. Tags in IO are converted:
    consecutive words of one type are one entity. In IOB2 an `I-x` that continues no entity of its
    type is ignored. A score without a denominator is 0.
    Source: seqeval 1.2, mode "strict".
    """
    from seqeval.metrics.v1 import precision_recall_fscore_support
    from seqeval.scheme import IOB2

    if not _in_iob2(gold, predicted):
        gold, predicted = _converted(gold), _converted(predicted)
    precision, recall, entity_f1, _ = precision_recall_fscore_support(
        [list(tags) for tags in gold],
        [list(tags) for tags in predicted],
        average="micro",
        scheme=IOB2,
        zero_division=0,
    )
    return {
        "entity_f1": float(entity_f1),
        "precision": float(precision),
        "recall": float(recall),
    }


def scored_spans(tags: Sequence[str], outputs: Sequence[str]) -> tuple[Span, ...]:
    """The entities of a sentence that `score_entities` counts for a head with these outputs."""
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
