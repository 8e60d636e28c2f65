import pytest

from mtl_core.analysis.words import learning_words
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
def test_trainable_parts_are_described_in_words(train: tuple[str, ...], words: str) -> None:
    plan = Plan(name="tried", phases=(Phase(name="one", train=train),))
    assert learning_words(parameter_table(plan, minilm())) == words
