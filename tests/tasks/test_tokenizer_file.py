"""A tokenizer.json that fails, also by a panic of Rust, is bad input."""

import json
from pathlib import Path

import pytest

from mtl_core.errors import DamagedCheckpoint
from mtl_core.tasks.example import Example
from mtl_core.tasks.lengths import SubWordCounter, WordCounter, counter_for
from mtl_core.tasks.tokenizer_file import TOKENIZER_FILE, read_tokenizer, tokenizer_faults

TOKENIZER = {
    "version": "1.0",
    "added_tokens": [],
    "pre_tokenizer": {"type": "Whitespace"},
    "model": {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": {"[UNK]": 0, "a": 1},
    },
}
PANICS_WHILE_LOADING = {"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}}
NO_CLS = {
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}],
        "special_tokens": {},
    }
}


def written(folder: Path, **changed: object) -> Path:
    file = folder / TOKENIZER_FILE
    file.write_text(json.dumps({**TOKENIZER, **changed}))
    return file


def test_a_panic_while_loading_is_bad_input_and_lengths_are_in_words(tmp_path: Path) -> None:
    file = written(tmp_path, **PANICS_WHILE_LOADING)
    with pytest.raises(DamagedCheckpoint, match=r"as a tokenizer: .*charsmap.* copy it again\."):
        read_tokenizer(file)
    assert isinstance(counter_for(tmp_path), WordCounter)


def test_a_panic_while_splitting_is_bad_input(tmp_path: Path) -> None:
    counter = SubWordCounter(written(tmp_path, **NO_CLS))
    with pytest.raises(DamagedCheckpoint, match=r"tokenizer\.json cannot be used as a tokenizer"):
        counter.lengths([Example("a b", None, {"s": "up"})], "s")


def test_only_the_faults_of_a_tokenizer_are_turned() -> None:
    for other in (KeyboardInterrupt, SystemExit, MemoryError):
        with pytest.raises(other), tokenizer_faults("It fails"):
            raise other
