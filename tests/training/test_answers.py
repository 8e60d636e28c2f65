"""What a run answered, held against the scores it told beside."""

import pytest

from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.scoring import score_entities, score_sentences
from mtl_core.tasks.task import TaskKind


def scores_from(answers, data):
    """What the answers score, from them and the labels of the data alone."""
    found = {}
    for task in data.tasks:
        gold = [data.validation[n].labels[task.name] for n in answers.places[task.name]]
        said = answers.answers[task.name]
        if task.kind is TaskKind.SENTENCE:
            indices = [task.outputs.index(label) for label in gold]
            found[task.name] = score_sentences(indices, said, task.outputs)
        else:
            tags = [[task.outputs[n] for n in sentence] for sentence in said]
            whole = [
                each + ["O"] * (len(right) - len(each))
                for each, right in zip(tags, gold, strict=True)
            ]
            found[task.name] = score_entities(gold, whole)
    return found


def told(evaluation):
    return {name: score.model_dump(exclude={"loss"}) for name, score in evaluation.tasks.items()}


@pytest.mark.parametrize("scenario", ["full", "heads-only", "gradual", "frozen"])
@pytest.mark.parametrize("max_length", [32, 8])
def test_the_scores_follow_from_the_answers_and_the_labels(bench, of, scenario, max_length):
    plan = bench.scenario(scenario).with_rates(1e-3, 3e-2)
    events = bench.run(bench.spec(plan, epochs=4, max_length=max_length))
    data = load_dataset(str(bench.data), ANY_FILE)

    first, last = of(events, "answers")
    evaluations = of(events, "evaluation")

    assert scores_from(first, data) == told(evaluations[0])
    assert scores_from(last, data) == told(evaluations[-1])
    assert (first.step, last.step) == (0, evaluations[-1].step)
    assert first.split == last.split == "validation"


def test_training_changes_answers(bench, of):
    plan = bench.scenario("full").with_rates(1e-3, 3e-2)

    first, last = of(bench.run(bench.spec(plan, epochs=4)), "answers")

    assert first.answers != last.answers
    assert first.places == last.places


def test_a_run_that_takes_no_step_tells_the_same_answers_twice(bench, of):
    first, last = of(bench.run(bench.spec("frozen")), "answers")

    assert first.model_dump(exclude={"elapsed_seconds"}) == last.model_dump(
        exclude={"elapsed_seconds"}
    )


def test_places_count_from_the_start_of_the_whole_split_in_order(bench, of):
    answers = of(bench.run(bench.spec("frozen")), "answers")[0]

    assert answers.places == {"sentiment": (0, 1, 2, 3), "ner": (4, 5, 6, 7)}
    assert [len(each) for each in answers.answers["ner"]] == [5, 3, 5, 4]


def test_words_that_were_cut_off_have_no_answer_and_a_word_of_no_token_is_outside(
    bench, of, write_data
):
    reviews = [("good food", "positive"), ("bad food", "negative")]
    far = "the/O food/O was/O very/O good/O in/O oslo/B-LOC"  # 8 tokens hold 6 words
    data = write_data(reviews, ["oslo/B-LOC \u200d/O oslo/B-LOC", far])
    spec = bench.spec("frozen", data=str(data), max_length=8)

    events = bench.run(spec)

    said = of(events, "answers")[0].answers["ner"]
    assert [len(sentence) for sentence in said] == [3, 6]
    assert said[0][1] == spec.tasks[1].outputs.index("O")
    assert scores_from(of(events, "answers")[0], load_dataset(str(data), ANY_FILE)) == told(
        of(events, "evaluation")[0]
    )


def test_answers_take_no_pass_of_their_own(bench, of):
    """Each event follows its evaluation, and nothing was evaluated for it."""
    kinds = [event.event for event in bench.run(bench.spec("full", epochs=2))]

    assert kinds[1:3] == ["evaluation", "answers"]
    assert kinds.count("evaluation") == 1 + 2
    assert kinds.count("answers") == 2
