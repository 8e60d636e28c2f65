"""Valid files of each reader, and random changes of them, for `fuzz_readers.py`."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from random import Random
from typing import Any

SENTENCES = 'text,label\nGood *food*.,up\n"Bad, ""food"".",down\nFine.,up\n'
CONLL = "Ann\tB-PER\nsaw\tO\nRome\tB-LOC\n\n-DOCSTART-\tO\n\nIt\tO\nrains\tO\n"
CONLL_U = "# id = 1\n1-2\tAnn's\t_\tO\n1\tAnn\tNN\tB-PER\n2\tleft\tVB\tO\n\n1\tRome\tNN\tB-LOC\n"
TOKENS: list[Any] = [
    {"tokens": ["Ann", "saw", "Rome"], "tags": ["B-PER", "O", "B-LOC"]},
    {"tokens": ["It", "rains"], "tags": ["O", "O"]},
]
SPANS: list[Any] = [
    {"text": "Ann saw Rome.", "label": [[0, 3, "PER"], [8, 12, "LOC"]]},
    {"text": "It rains", "label": []},
]
LABEL_STUDIO: list[Any] = [
    {
        "data": {"text": "Ann saw Rome."},
        "annotations": [
            {
                "was_cancelled": False,
                "result": [
                    {
                        "from_name": "label",
                        "type": "labels",
                        "value": {"start": 0, "end": 3, "text": "Ann", "labels": ["PER"]},
                    }
                ],
            }
        ],
    }
]
MANIFEST = (
    "tasks:\n  sentiment: {kind: sentence, head: classifier, train: a.csv, validation: b.csv, "
    "labels: {0: down, 1: up}, quoting: csv}\n  ner:\n    kind: token\n    head: ner\n    train: "
    "a.conll\n    validation: b.conll\n    tags: {0: O, 1: B-PER}\n    scheme: bio\n    columns: "
    "{word: 2, tag: 4}\n"
)
PLAN = (
    "name: mine\nlearning_rate: 2e-5\nhead_learning_rate: 1e-3\nlayer_decay: 1.1\n"
    "schedule: linear\n"
    "freeze: ['*.LayerNorm.*', 'head:ner']\ntask_weights: {ner: 0.5}\nphases:\n- name: heads\n  "
    "train: [heads, 'layers:1-2']\n  epochs: 0.5\n- {name: top, train: ['top:2', '*.bias'], "
    "thawed_learning_rate: 1e-4}\n"
)
SELECTORS = ("*.LayerNorm.*", "bert.encoder.layer.1.*", "layers:1-3", "head:ner", "top:2", "all")
ARMS = (
    "heads-only,learning-rate=1e-3,name=low",
    "top-2,checkpoint=minilm-l6,epochs=3,examples:ner=50,task-weight:ner=0.5",
    "full,sentence-vector=mean,max-length=64,weight-decay=0.1",
)
TOKENIZER = {
    "version": "1.0",
    "truncation": {"direction": "Left", "max_length": 8, "strategy": "LongestFirst", "stride": 0},
    "padding": None,
    "added_tokens": [
        {
            "id": 2,
            "content": "[CLS]",
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
    ],
    "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True}
    | {"strip_accents": None, "lowercase": True},
    "pre_tokenizer": {
        "type": "Sequence",
        "pretokenizers": [
            {"type": "Whitespace"},
            {"type": "Split", "pattern": {"Regex": "\\d"}, "behavior": "Isolated", "invert": False},
        ],
    },
    "post_processor": {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
        "special_tokens": {"[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]}},
    },
    "decoder": None,
    "model": {
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": {"[UNK]": 0, "a": 1, "[CLS]": 2, "##b": 3},
    },
}
BPE = TOKENIZER | {
    "normalizer": {"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAAAAAAA"},
    "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True},
    "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 3}, "merges": ["a b"]},
}
UNIGRAM = TOKENIZER | {
    "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
    "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"},
    "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0], ["▁", -1.0], ["a", -2.0]]},
}
CONFIG = {
    "model_type": "bert",
    "architectures": ["BertModel"],
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "vocab_size": 61,
    "max_position_embeddings": 40,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-12,
    "hidden_dropout_prob": 0.1,
    "pad_token_id": 0,
    "id2label": {"0": "down", "1": "up"},
    "label2id": {"down": 0, "up": 1},
}
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 0.5, -0.0, 1e308, "", " ", "O"),
    *(
        "B-PER",
        "I-",
        "B-",
        "nan",
        "null",
        "a" * 300,
        "1" * 30,
        "é",
        "🙂",
        "\ud800",
        "\0",
        "\n",
        "a\tb",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        ["a"],
        {"a": 1},
        [0, 1, "X"],
        "../a",
        "/etc/passwd",
        "*",
        "[",
        "..",
        "\u2028",
    ),
    *(
        "Precompiled",
        "ByteLevel",
        "FixedLength",
        "Digits",
        "Regex",
        "roberta",
        "deberta-v2",
        "longformer",
    ),
)
_PIECES: tuple[bytes, ...] = (
    *(b'"', b'""', b"'", b",", b"\t", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b" "),
    *(b"\xe2\x80\xa8", b"\xf0\x9f\x99\x82", b"a\xcc\x80\xcc\x95", b"\xc2\xa0", b"\\", b"\\u0000"),
    *(b"\\ud800", b"[" * 40, b"{" * 40, b"[[", b"}", b"]", b":", b": ", b"- ", b"#", b"# id = 1"),
    *(b"&a ", b"*a", b"<<: ", b"!!python/object:os.system ", b"!!binary ", b"---\n", b"? ", b"|\n"),
    *(b"1e999", b"NaN", b"Infinity", b"-1", b"9" * 30, b"9" * 5000, b"0x10", b"1_0", b"2001-01-01"),
    *(b"null", b"~", b"true", b"O", b"B-", b"I-PER", b"E-PER", b"-DOCSTART-", b"layer:", b"top:0"),
    *(b"[!a]*", b"***", b"x" * 400, b"learning-rate=", b"=", b"name=", b"inf", b"1:2"),
)


@dataclass(frozen=True)
class Reader:
    """A reader with valid files, of which some are JSON or lines of it. `share` of all inputs."""

    name: str
    samples: tuple[bytes, ...]
    read: Callable[[bytes], object]
    has_json: bool = False
    share: int = 4


def tsv() -> bytes:
    """The sentences with tabs, in which quotation marks belong to the text."""
    return SENTENCES.replace(",", "\t").encode()


@cache
def tables(parquet: bool) -> tuple[bytes, ...]:
    """A small table as a file of Parquet or Arrow, with the names of classes in its schema."""
    import pyarrow
    from pyarrow import parquet as files

    info = {"info": {"features": {"label": {"names": ["down", "up"], "_type": "ClassLabel"}}}}
    schema = pyarrow.schema(
        [("text", pyarrow.string()), ("label", pyarrow.int64())],
        metadata={"huggingface": json.dumps(info)},
    )
    made = pyarrow.table({"text": ["Good", "Bad", "Fine"], "label": [1, 0, 1]}, schema=schema)
    written = BytesIO()
    if parquet:
        files.write_table(made, written)
    else:
        with pyarrow.ipc.new_file(written, schema) as writer:
            writer.write_table(made)
    return (written.getvalue(),)


def changed(reader: Reader, number: int, seed: int = 0) -> bytes:
    """The input with this number: a valid file of the reader, changed one to six times."""
    random = Random(f"{seed}:{reader.name}:{number}")
    content = random.choice(reader.samples)
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        if reader.has_json and random.random() < 0.7:
            content = _with_other_value(content, random)
        else:
            content = random.choice(_CHANGES)(content, random, reader)
    return content


def _with_other_value(content: bytes, random: Random) -> bytes:
    """JSON, or one of several lines of JSON, with one value replaced, doubled or removed."""
    lines = content.split(b"\n")
    at = random.randrange(len(lines))
    try:
        found = json.loads(lines[at])
    except (ValueError, RecursionError):
        return content
    places = list(_places(found))
    if not places:
        return content
    holder, key = random.choice(places)
    match random.randrange(4):
        case 0 if isinstance(holder, list):
            holder.insert(key, holder[key])
        case 1:
            del holder[key]
        case 2:
            other, other_key = random.choice(places)
            with suppress(LookupError):
                holder[key] = json.loads(json.dumps(other[other_key]))
        case _:
            holder[key] = random.choice(_VALUES)
    lines[at] = json.dumps(found, ensure_ascii=random.random() < 0.5).encode(errors="replace")
    return b"\n".join(lines)


def _places(found: Any) -> Iterator[tuple[Any, Any]]:
    """Each list or object in a value of JSON with each of its keys."""
    if isinstance(found, dict | list):
        for key in range(len(found)) if isinstance(found, list) else list(found):
            yield found, key
            yield from _places(found[key])


def _some(content: bytes, random: Random) -> tuple[int, int]:
    """The begin and the end of a short part."""
    start = random.randint(0, len(content))
    return start, min(len(content), start + random.choice((1, 1, 2, 8, 40)))


def _insert(content: bytes, random: Random, _reader: Reader) -> bytes:
    start, _ = _some(content, random)
    return content[:start] + random.choice(_PIECES) + content[start:]


def _replace(content: bytes, random: Random, _reader: Reader) -> bytes:
    start, end = _some(content, random)
    return content[:start] + random.choice(_PIECES) + content[end:]


def _remove(content: bytes, random: Random, _reader: Reader) -> bytes:
    start, end = _some(content, random)
    return content[:start] + content[end:]


def _repeated(content: bytes, random: Random, _reader: Reader) -> bytes:
    start, end = _some(content, random)
    return content[:end] + content[start:end] * random.choice((1, 2, 50)) + content[end:]


def _flip(content: bytes, random: Random, _reader: Reader) -> bytes:
    if not content:
        return content
    at = random.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << random.randrange(8))]) + content[at + 1 :]


def _cut(content: bytes, random: Random, _reader: Reader) -> bytes:
    return content[: random.randint(0, len(content))]


def _shuffle(content: bytes, random: Random, _reader: Reader) -> bytes:
    lines = content.split(b"\n")
    random.shuffle(lines)
    return b"\n".join(lines)


def _splice(content: bytes, random: Random, reader: Reader) -> bytes:
    other = random.choice(reader.samples)
    return content[: random.randint(0, len(content))] + other[random.randint(0, len(other)) :]


_CHANGES = (
    _insert,
    _insert,
    _replace,
    _replace,
    _remove,
    _repeated,
    _flip,
    _cut,
    _shuffle,
    _splice,
)
