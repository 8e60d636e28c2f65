import subprocess
import sys

import pytest

from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import Domain, TokenizerFamily, catalogue
from mtl_core.models.facts import (
    checkpoint_facts,
    embedding_parameters,
    multiplications_per_token,
    training_bytes,
)

FACTS = {facts.name: facts for facts in checkpoint_facts()}


def test_every_entry_has_its_facts_in_the_catalogues_order():
    assert list(FACTS) == [known.name for known in catalogue()]


def test_the_facts_of_a_checkpoint_are_stated_and_counted():
    facts = FACTS["xlm-roberta-base"]
    assert (facts.architecture, facts.layers, facts.hidden_size) == ("xlm-roberta", 12, 768)
    assert (facts.vocabulary_size, facts.max_tokens) == (250_002, 512)
    assert (facts.parameters, facts.embedding_parameters) == (278_043_648, 192_398_592)
    assert (facts.domain, facts.cased) == (Domain.MULTILINGUAL, True)
    assert (facts.tokenizer, facts.licence) == (TokenizerFamily.SENTENCEPIECE, "MIT")
    assert facts.suits == "100 languages"


@pytest.mark.parametrize(
    ("name", "megabytes"),
    [("minilm-l6", 91), ("bert-base-uncased", 438), ("bert-large-uncased", 1_341)],
)
def test_a_download_is_four_bytes_a_parameter(name, megabytes):
    assert FACTS[name].download_bytes == 4 * FACTS[name].parameters
    assert FACTS[name].download_megabytes == megabytes


def test_a_shared_stack_has_one_distinct_layer():
    shared = [name for name, facts in FACTS.items() if facts.layers_of_their_own < facts.layers]
    assert shared == ["albert-base-v2"]
    assert FACTS["albert-base-v2"].layers_of_their_own == 1


def test_weights_are_here_for_what_comes_with_the_product():
    assert FACTS["minilm-l6"].weights_here


def test_what_a_checkpoint_suits_fits_into_a_narrow_column():
    assert all(0 < len(facts.suits) <= 21 for facts in FACTS.values())


def test_facts_and_cut_words_import_neither_torch_nor_transformers():
    script = (
        "import sys; from mtl_core.models.facts import checkpoint_facts;"
        "from mtl_core.models.word_pieces import split_into_pieces;"
        "from mtl_core.models.checkpoint import resolve_checkpoint;"
        "from mtl_core.file_access import NO_FILE;"
        "split_into_pieces(['word'], resolve_checkpoint('minilm-l6', NO_FILE));"
        "print(len(checkpoint_facts()),"
        " [name for name in ('torch', 'transformers') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == (f"{len(FACTS)} []", "")


def described(name):
    return read_description(shipped_description(name))


def test_training_keeps_sixteen_bytes_a_parameter():
    assert training_bytes(109_482_240) == 16 * 109_482_240


@pytest.mark.parametrize(
    ("name", "layers", "width", "inner"),
    [("minilm-l6", 6, 384, 1536), ("bert-base-uncased", 12, 768, 3072)],
)
def test_a_token_is_multiplied_with_four_square_and_two_inner_matrices_a_layer(
    name, layers, width, inner
):
    expected = layers * (4 * width * width + 2 * width * inner)
    assert multiplications_per_token(described(name)) == expected


def test_a_shared_layer_counts_as_often_as_it_is_passed():
    shared, own = described("albert-base-v2"), described("bert-base-uncased")
    assert multiplications_per_token(shared) == multiplications_per_token(own)


def test_embeddings_are_counted_once_and_not_multiplied():
    assert embedding_parameters(described("xlm-roberta-base")) == 192_398_592
