from mtl_core.analysis.disagreement import Disagreement, asked_of, disagreements
from mtl_core.report.predict_words import answers_finding, said_words
from mtl_core.tasks.dataset import Example
from mtl_core.tasks.task import DEFAULT_TASKS
from mtl_core.training.predictions import Entity, Prediction, SentenceAnswer, TokenAnswer

SENTIMENT, NER = DEFAULT_TASKS


def said(label: str, *entities: tuple[int, int, str]) -> Prediction:
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
    differ_elsewhere = ([said("positive", ANNA)], [said("positive", BEN)])
    assert disagreements(DEFAULT_TASKS, [REVIEW], differ_elsewhere) == ()
    (found,) = disagreements(DEFAULT_TASKS, [NAMES], differ_elsewhere)
    assert found == Disagreement(NER, asked_of(NAMES), ((0, 2, "PER"),), ((ANNA,), (BEN,)))


def test_the_hardest_come_first_within_a_task() -> None:
    half, none = (
        Example(text, None, {"sentiment": label})
        for text, label in (("a", "positive"), ("b", "neither"))
    )
    answers = [[said("positive")] * 2, [said("negative")] * 2]
    found = disagreements([SENTIMENT], [half, none], answers)
    assert [each.sentence.text for each in found] == ["b", "a"]


def test_models_told_beside_do_not_make_a_disagreement() -> None:
    answers = [[said("negative")], [said("positive")], [said("positive")]]
    assert disagreements([SENTIMENT], [REVIEW], answers, among=(1, 2)) == ()
    (found,) = disagreements([SENTIMENT], [REVIEW], answers, among=(0, 2))
    assert found.said == ("negative", "positive", "positive")


def test_a_finding_counts_who_says_what() -> None:
    models = [said("positive", ANNA), said("positive", ANNA), said("negative")]
    assert answers_finding(DEFAULT_TASKS, models) == (
        "Sentiment: 2 say positive, 1 says negative; NER: 3 models, 2 different markings"
    )
    assert answers_finding(DEFAULT_TASKS, models[:2]) == (
        "Sentiment: both say positive; NER: both mark the same entity"
    )
    assert answers_finding(DEFAULT_TASKS, models[2:]) == (
        "Sentiment: it says negative; NER: it marks no entity"
    )


def test_an_answer_in_a_cell() -> None:
    assert said_words("positive", ()) == "positive"
    assert said_words((), ("anna",)) == "no entity"
    assert said_words(((0, 2, "PER"),), ("anna", "ben")) == "anna ben (PER)"
