"""Words cut by real tokenizer files: the embedded WordPiece, and tiny BPE and Unigram ones."""

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from mtl_core.errors import DamagedCheckpoint
from mtl_core.file_access import ANY_FILE
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.word_pieces import SplitWord, split_into_pieces


@pytest.fixture
def checkpoint(tmp_path):
    """A checkpoint whose folder holds the tokenizer, or the text, given."""

    def made(tokenizer=None):
        if isinstance(tokenizer, str):
            (tmp_path / "tokenizer.json").write_text(tokenizer)
        elif tokenizer is not None:
            tokenizer.save(str(tmp_path / "tokenizer.json"))
        return Checkpoint(
            reference="tiny", name="tiny", config_file=tmp_path / "config.json", folder=tmp_path
        )

    return made


def byte_level():
    """Byte-level BPE as RoBERTa's: it knows `Ġdrug` with the space before it."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("d", "r"), ("u", "g"), ("dr", "ug"), ("Ġ", "drug")]
    vocabulary = [*letters, *("".join(pair) for pair in merges)]
    model = models.BPE({piece: index for index, piece in enumerate(vocabulary)}, merges)
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=True)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram():
    """Unigram as SentencePiece writes it: it knows `▁hyper`, `tension` and some letters."""
    pieces = [("<unk>", 0.0), ("▁hyper", -1.0), ("tension", -1.0), ("▁", -2.0), ("a", -3.0)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    return tokenizer


def test_the_embedded_checkpoint_cuts_words_it_has_seldom_read():
    cut = split_into_pieces(
        ["Drug", "hypertension", "acetaminophen"], resolve_checkpoint("minilm-l6", ANY_FILE)
    )
    assert cut == (
        SplitWord("Drug", ("Drug",), unknown=False),
        SplitWord("hypertension", ("hyper", "tension"), unknown=False),
        SplitWord("acetaminophen", ("ace", "tam", "ino", "ph", "en"), unknown=False),
    )


def test_a_word_of_which_nothing_is_in_the_vocabulary_is_unknown():
    assert split_into_pieces(["🧠"], resolve_checkpoint("minilm-l6", ANY_FILE)) == (
        SplitWord("🧠", ("🧠",), True),
    )


def test_the_embedded_tokenizers_own_limit_cuts_nothing_off():
    (long,) = split_into_pieces(
        [" ".join(["word"] * 300)], resolve_checkpoint("minilm-l6", ANY_FILE)
    )
    assert long.pieces == ("word",) * 300


def test_space_around_a_word_is_dropped_and_nothing_has_no_pieces():
    cut = split_into_pieces([" drug\n", "  ", ""], resolve_checkpoint("minilm-l6", ANY_FILE))
    assert [(each.word, each.pieces) for each in cut] == [("drug", ("drug",)), ("", ()), ("", ())]


def test_no_words_are_no_cuts():
    assert split_into_pieces([], resolve_checkpoint("minilm-l6", ANY_FILE)) == ()


def test_byte_level_pieces_are_those_of_a_word_inside_a_sentence(checkpoint):
    cut = split_into_pieces(["drug", "drugs", "é"], checkpoint(byte_level()))
    assert [each.pieces for each in cut] == [("drug",), ("drug", "s"), ("Ġ", "é", "é")]
    assert not any(each.unknown for each in cut)


def test_sentencepiece_pieces_stand_without_their_mark(checkpoint):
    cut = split_into_pieces(["hypertension", "a", "hyperß"], checkpoint(unigram()))
    assert cut == (
        SplitWord("hypertension", ("hyper", "tension"), unknown=False),
        SplitWord("a", ("▁", "a"), unknown=False),
        SplitWord("hyperß", ("hyper", "ß"), unknown=True),
    )


def test_without_its_tokenizer_file_nothing_is_cut(checkpoint):
    assert split_into_pieces(["drug"], checkpoint()) is None
    nowhere = checkpoint().model_copy(update={"folder": None})
    assert split_into_pieces(["drug"], nowhere) is None


@pytest.mark.parametrize("text", ["", "{}", "not JSON", '{"version": "1.0", "model": 3}'])
def test_a_damaged_tokenizer_file_is_refused_in_one_sentence(checkpoint, text):
    with pytest.raises(DamagedCheckpoint, match=r"tokenizer\.json cannot be used as a tokenizer"):
        split_into_pieces(["drug"], checkpoint(text))


def test_a_tokenizer_that_cannot_write_a_word_is_refused_too(checkpoint):
    tokenizer = Tokenizer(models.Unigram([("▁", -1.0)]))
    with pytest.raises(DamagedCheckpoint, match="cannot be used as a tokenizer"):
        split_into_pieces(["drug"], checkpoint(tokenizer))
