import pytest

from mtl_core.analysis.words import in_percent, learning_words, verb
from mtl_core.freezing.plan import Phase, Plan
from mtl_core.freezing.resolve import parameter_table
from tests.run_story import minilm


@pytest.mark.parametrize(
    ("train", "words"),
    [
        ((), "nothing"),
        (("heads",), "heads"),
        (("head:ner",), "the ner head"),
        (("heads", "top:1"), "heads and layer 5"),
        (("heads", "top:2"), "heads and layers 4 and 5"),
        (("heads", "top:4"), "heads and layers 2 to 5"),
        (("heads", "layer:0", "layer:3"), "heads and layers 0, 3"),
        (("layers:0-5",), "all layers"),
        (("heads", "top:6", "embeddings"), "heads, all layers and the embeddings"),
        (("all",), "everything"),
        (("heads", "biases"), "parts of 9 blocks"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else None,
)
def test_what_learns_is_said_in_words(train: tuple[str, ...], words: str) -> None:
    plan = Plan(name="tried", phases=(Phase(name="one", train=train),))
    assert learning_words(parameter_table(plan, minilm())) == words


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ("top layer", "ties"),
        ("top 2 layers", "tie"),
        ("bottom 3 layers, seed 2", "tie"),
        ("biases and heads (BitFit)", "tie"),
        ("discriminative rates", "tie"),
        ("heads only", "ties"),
        ("full, 2 rates tried", "ties"),
    ],
)
def test_a_verb_follows_the_number_of_a_plans_name(plan: str, said: str) -> None:
    assert verb(plan, "ties", "tie") == said


def test_a_share_is_written_with_a_space_before_its_sign() -> None:
    assert [in_percent(0.5), in_percent(0.092, 1), in_percent(0.29)] == ["50 %", "9.2 %", "29 %"]
