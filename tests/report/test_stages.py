"""The stages of a run: table rows, title and backward transfer."""

from dataclasses import replace

from mtl_core.analysis.chain import chain_of
from mtl_core.report.stages import chain_lines, chain_rows, chain_title
from tests.chain_story import HEADS, TOP, chain, stage

LEARNED = "the classifier head, all layers and the embeddings"


def test_each_stage_is_a_row_with_its_scores_at_both_ends() -> None:
    assert chain_title(chain(HEADS, TOP)) == "This run is stage 2: it starts from one"
    assert chain_rows(chain(HEADS, TOP)) == [
        {
            "Stage": "1",
            "Run": "one",
            "Trained": "heads",
            "Sentiment accuracy": "0.450 → 0.750",
            "NER entity F1": "0.020 → 0.500",
        },
        {
            "Stage": "2",
            "Run": "two (this run)",
            "Trained": LEARNED,
            "Sentiment accuracy": "0.750 → 0.875",
            "NER entity F1": "0.500 → 0.375, head frozen",
        },
    ]


def test_transfer_has_a_sign_and_names_the_stage_it_is_counted_from() -> None:
    what = "the change since the stage that last trained a task's head"
    taught = (
        "The head was frozen, but the loss of NER still trained the encoder. The change is "
        "therefore not the effect of the other tasks alone. A task weight of 0 in the plan "
        "excludes a loss."
    )
    assert chain_lines(chain(HEADS, TOP)) == (
        f"Backward transfer, {what}: NER entity F1 \N{MINUS SIGN}0.125 since stage 1.",
        taught,
    )
    third = stage("three", "frozen", (0.875, 0.375), (0.875, 0.375), starts_from="two")
    assert chain_lines(replace(chain(HEADS, TOP, third), ended=False)) == (
        f"Backward transfer so far, {what}: sentiment accuracy 0.000 since stage 2 and NER entity "
        "F1 \N{MINUS SIGN}0.125 since stage 1; mean \N{MINUS SIGN}0.062.",
        taught,
    )


def test_a_stage_of_many_phases_names_the_first_and_the_last() -> None:
    (row,) = chain_rows(chain(stage("one", "ulmfit", (0.4, 0.0), (0.9, 0.5), epochs=8.0)))
    assert row["Trained"] == "heads, then … (8 phases), then everything"


def test_a_deleted_run_and_different_sentences_are_reported() -> None:
    deleted = chain_of(TOP, {}.get)
    assert chain_title(deleted) == "This run starts from one"
    assert chain_lines(deleted) == (
        "The first stage listed starts from run one, which was deleted.",
    )
    other = replace(chain(HEADS, TOP), same_sentences=False)
    assert chain_lines(other)[0].startswith(
        "Backward transfer is not available: the stages were scored"
    )
