from mtl_core.report.predictions import (
    Disagreement,
    answer_text,
    disagreements,
    predictions_finding,
    sentence_of,
)
from mtl_core.tasks.example import Example
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.predictions import Entity, Prediction, SentenceAnswer, TokenAnswer

SENTIMENT, NER = DEFAULT_TASKS


def predicted(label: str, *entities: tuple[int, int, str]) -> Prediction:
    found = tuple(Entity(start=s, end=e, type=t, confidence=0.9) for s, e, t in entities)
    return Prediction(
        answers={
            "sentiment": SentenceAnswer(label=label, confidence=0.8, by_label={label: 0.8}),
            "ner": TokenAnswer(tags=("O",) * 2, confidences=(0.9,) * 2, entities=found),
        },
        words=2,
        words_read=2,
    )


ANNA, BEN = (0, 1, "PER"), (1, 2, "PER")
REVIEW = Example("good film", None, {"sentiment": "positive"})
NAMES = Example(None, ("anna", "ben"), {"ner": ("PER", "PER")})


def test_only_answers_to_the_labelled_task_count() -> None:
    differ_elsewhere = ([predicted("positive", ANNA)], [predicted("positive", BEN)])
    assert disagreements(DEFAULT_TASKS, [REVIEW], differ_elsewhere) == ()
    (found,) = disagreements(DEFAULT_TASKS, [NAMES], differ_elsewhere)
    assert found == Disagreement(NER, sentence_of(NAMES), ((0, 2, "PER"),), ((ANNA,), (BEN,)))


def test_sentences_with_the_fewest_correct_models_come_first_within_a_task() -> None:
    half, none = (
        Example(text, None, {"sentiment": label})
        for text, label in (("a", "positive"), ("b", "neither"))
    )
    answers = [[predicted("positive")] * 2, [predicted("negative")] * 2]
    found = disagreements([SENTIMENT], [half, none], answers)
    assert [each.sentence.text for each in found] == ["b", "a"]


def test_models_that_are_not_compared_make_no_disagreement() -> None:
    answers = [[predicted("negative")], [predicted("positive")], [predicted("positive")]]
    assert disagreements([SENTIMENT], [REVIEW], answers, among=(1, 2)) == ()
    (found,) = disagreements([SENTIMENT], [REVIEW], answers, among=(0, 2))
    assert found.answers == ("negative", "positive", "positive")


def test_a_finding_counts_the_predictions() -> None:
    models = [predicted("positive", ANNA), predicted("positive", ANNA), predicted("negative")]
    assert predictions_finding(DEFAULT_TASKS, models) == (
        "Sentiment: 2 predict positive, 1 predicts negative; NER: 3 models, 2 different predictions"
    )
    assert predictions_finding(DEFAULT_TASKS, models[:2]) == (
        "Sentiment: both predict positive; NER: both predict the same entity"
    )
    assert predictions_finding(DEFAULT_TASKS, models[1:]) == (
        "Sentiment: 1 predicts positive, 1 predicts negative; NER: predictions differ"
    )
    assert predictions_finding(DEFAULT_TASKS, models[2:]) == ("Sentiment: negative; NER: no entity")


def test_the_finding_counts_trained_models_if_there_are_any() -> None:
    positive, negative = predicted("positive", ANNA), predicted("negative")
    assert predictions_finding(DEFAULT_TASKS, [positive, positive], [negative]) == (
        "Sentiment: both trained models predict positive; "
        "NER: both trained models predict the same entity"
    )
    assert predictions_finding(DEFAULT_TASKS, [positive], [negative]) == (
        "Sentiment: positive; NER: 1 entity"
    )
    assert predictions_finding(DEFAULT_TASKS, [], [negative]) == (
        "Sentiment: negative; NER: no entity"
    )


def test_an_answer_in_a_cell() -> None:
    assert answer_text("positive", ()) == "positive"
    assert answer_text((), ("anna",)) == "no entity"
    assert answer_text(((0, 2, "PER"),), ("anna", "ben")) == "anna ben (PER)"
