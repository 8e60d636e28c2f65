import pytest

from mtl_core.errors import UnknownCheckpoint
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.catalogue import Domain, TokenizerFamily, catalogue, entry
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.task import DEFAULT_TASKS

TOTALS = {
    "minilm-l6": 22_713_216,
    "bert-base-uncased": 109_482_240,
    "roberta-base": 124_645_632,
    "distilbert-base-uncased": 66_362_880,
    "biobert": 108_310_272,
    "legal-bert": 109_482_240,
    "minilm-l12": 33_360_000,
    "bert-large-uncased": 335_141_888,
    "electra-small": 13_483_008,
    "deberta-v3-small": 141_304_320,
    "albert-base-v2": 11_683_584,
    "xlm-roberta-base": 278_043_648,
    "modernbert-base": 149_014_272,
}


def test_the_catalogue_holds_these_checkpoints_the_embedded_default_first():
    assert [known.name for known in catalogue()] == list(TOTALS)
    assert [known.name for known in catalogue() if known.embedded] == ["minilm-l6"]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("biobert", "biobert"),
        ("dmis-lab/biobert-v1.1", "biobert"),
        ("roberta-base", "roberta-base"),
        ("FacebookAI/roberta-base", "roberta-base"),
        ("google-bert/bert-base-uncased", "bert-base-uncased"),
        ("sentence-transformers/all-MiniLM-L6-v2", "minilm-l6"),
        ("all-MiniLM-L12-v2", "minilm-l12"),
        ("google/electra-small-discriminator", "electra-small"),
        ("answerdotai/ModernBERT-base", "modernbert-base"),
    ],
)
def test_an_entry_answers_to_its_name_and_its_hub_ids(asked, name):
    assert entry(asked).name == name


def test_no_two_entries_answer_to_the_same_name():
    names = [name for known in catalogue() for name in set(known.names)]
    assert len(names) == len(set(names))


def test_the_error_of_an_unknown_name_lists_what_exists():
    with pytest.raises(UnknownCheckpoint, match=r"'gpt-9' is not in the catalogue.*minilm-l6"):
        entry("gpt-9")


def test_domains_are_distinguished():
    others = {each.name: each.domain for each in catalogue() if each.domain is not Domain.GENERAL}
    assert others == {
        "biobert": Domain.BIOMEDICAL,
        "legal-bert": Domain.LEGAL,
        "xlm-roberta-base": Domain.MULTILINGUAL,
    }


def test_the_cased_and_the_tokenizers_are_those_of_the_published_files():
    assert {each.name for each in catalogue() if each.cased} == {
        "roberta-base",
        "biobert",
        "deberta-v3-small",
        "xlm-roberta-base",
        "modernbert-base",
    }
    families = {each.name: each.tokenizer for each in catalogue()}
    bpe = {name for name, family in families.items() if family is TokenizerFamily.BPE}
    pieces = {name for name, family in families.items() if family is TokenizerFamily.SENTENCEPIECE}
    assert bpe == {"roberta-base", "modernbert-base"}
    assert pieces == {"deberta-v3-small", "albert-base-v2", "xlm-roberta-base"}


@pytest.mark.parametrize(("name", "total"), TOTALS.items())
def test_a_shipped_description_counts_the_published_parameters(name, total):
    description = ModelDescription(backbone=read_description(shipped_description(name)), tasks=())
    assert description.total == total


def test_bert_base_with_both_heads_counts_as_the_notebook_does():
    backbone = read_description(shipped_description("bert-base-uncased"))
    assert ModelDescription(backbone=backbone, tasks=DEFAULT_TASKS).total == 109_486_854


def test_roberta_has_positions_for_512_tokens():
    assert read_description(shipped_description("roberta-base")).max_positions == 512


def test_modernbert_has_positions_for_8192_tokens():
    assert read_description(shipped_description("modernbert-base")).max_positions == 8_192


@pytest.mark.parametrize("name", TOTALS)
def test_a_shipped_description_is_small(name):
    file = shipped_description(name)
    assert file.stat().st_size < 190 * len(read_description(file).tensors)
