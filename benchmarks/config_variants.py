"""Describes encoders whose config.json is written in many ways; reports any misread silently.

    python benchmarks/config_variants.py [--results FILE] [--types bert,roberta]

The truth is made without Freeze Lab: transformers builds the encoder from a small configuration in
its own words, and its parameters are counted. Then the file is changed: sizes get the names that
other architectures have for them, misspelt names, or a second value; switches of running,
metadata and code of the author are added; values become impossible. A variant is *right* if the
number of parameters is the true one, *refused* if an error of Freeze Lab reports why, and *wrong*
otherwise: another number of parameters, or an error of another kind. Then the command exits with 1.
Each outcome is appended to the results, so an interrupted command continues there.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from mtl_core.errors import FreezeLabError
from mtl_core.file_access import ANY_FILE
from mtl_core.models.checkpoint import resolve_checkpoint
from mtl_core.models.describe import describe

Values = dict[str, Any]

_COMMON = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "vocab_size": 61,
    "max_position_embeddings": 40,
}
TYPES: Mapping[str, Values] = {
    "bert": _COMMON,
    "roberta": _COMMON,
    "xlm-roberta": _COMMON,
    "camembert": _COMMON,
    "electra": {**_COMMON, "embedding_size": 24},
    "ernie": _COMMON,
    "mpnet": _COMMON,
    "roformer": {**_COMMON, "embedding_size": 32},
    "megatron-bert": _COMMON,
    "roberta-prelayernorm": _COMMON,
    "distilbert": {
        "dim": 32,
        "n_layers": 2,
        "n_heads": 2,
        "hidden_dim": 48,
        "vocab_size": 61,
        "max_position_embeddings": 40,
    },
    "deberta-v2": {**_COMMON, "type_vocab_size": 0, "relative_attention": False},
    "modernbert": {**_COMMON, "pad_token_id": 0},
    "albert": {**_COMMON, "embedding_size": 16},
    "fnet": {key: value for key, value in _COMMON.items() if key != "num_attention_heads"},
    "convbert": {**_COMMON, "embedding_size": 32},
}
"""Small configurations by type, in the words of each class."""

NAMES = {
    "hidden_size": ("hidden_dim", "d_model", "dim", "n_embd", "hiddensize", "hidden_sizes"),
    "num_hidden_layers": ("n_layers", "n_layer", "num_layers", "hidden_layers", "num_hidden_layer"),
    "num_attention_heads": ("n_heads", "n_head", "attention_heads", "num_attention_head"),
    "intermediate_size": ("n_inner", "ffn_dim", "d_ff", "intermediate_dim", "intermediatesize"),
    "vocab_size": ("n_vocab", "vocabulary_size", "vocab", "vocabsize"),
    "max_position_embeddings": ("n_positions", "max_positions", "max_seq_len", "max_length_"),
    "embedding_size": ("d_embed", "embedding_dim", "embeddingsize"),
    "dim": ("hidden_size", "d_model", "dims"),
    "n_layers": ("num_hidden_layers", "num_layers", "n_layer"),
    "n_heads": ("num_attention_heads", "n_head"),
    "hidden_dim": ("intermediate_size", "ffn_dim", "hidden_dims"),
}
"""By size, the names under which files of other architectures have it, and misspelt ones."""

SWITCHES: Mapping[str, Sequence[object]] = {
    "output_attentions": (True,),
    "output_hidden_states": (True,),
    "return_dict": (False,),
    "use_cache": (True, False),
    "gradient_checkpointing": (True,),
    "chunk_size_feed_forward": (2,),
    "layerdrop": (0.5,),
    "torchscript": (True,),
    "attn_implementation": ("flash_attention_2",),
}
METADATA: Mapping[str, object] = {
    "_name_or_path": "somebody/encoder",
    "transformers_version": "4.1.0",
    "architectures": ["EncoderForMaskedLM"],
    "id2label": {"0": "NEGATIVE", "1": "POSITIVE"},
    "label2id": {"NEGATIVE": 0, "POSITIVE": 1},
    "task_specific_params": None,
    "torch_dtype": "float16",
    "language": "english",
    "license": "apache-2.0",
    "finetuning_task": "sst-2",
    "adapters": {"adapters": {}},
    "auto_map": {"AutoModel": "modeling.Encoder"},
}
IMPOSSIBLE: Mapping[str, Sequence[object]] = {
    "vocab_size": (-1, 0, "many", None, 2.5),
    "hidden_size": (-8, 0, "wide"),
    "num_hidden_layers": (-1, 0, 100_000),
    "hidden_act": ("nonsense",),
    "layer_norm_eps": ("small", float("nan")),
}


@dataclass(frozen=True, slots=True)
class Variant:
    """A config.json. `intended` has the values that it means; None if it means nothing.

    `noted` is a key that must be named if the file is accepted.
    """

    id: str
    values: Values
    intended: Values | None
    noted: str | None = None


def main() -> int:
    """Run every variant that the results lack and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--results", type=Path, default=Path("config_variants.jsonl"))
    parser.add_argument("--types", default=",".join(TYPES))
    arguments = parser.parse_args()
    known = _known(arguments.results)
    counts: Counter[tuple[str, str]] = Counter()
    wrong = []
    with arguments.results.open("a", encoding="utf-8") as results:
        for kind in arguments.types.split(","):
            for variant, found in outcomes(variants(kind), known):
                counts[kind, found.partition(":")[0]] += 1
                wrong += [f"{variant.id}: {found}"] if found.startswith("wrong") else []
                if variant.id not in known:
                    results.write(json.dumps({"id": variant.id, "outcome": found}) + "\n")
                    results.flush()
    print(table(counts))
    print(*wrong, sep="\n")
    return 1 if wrong else 0


def variants(kind: str) -> Iterator[Variant]:
    """All variants of one type."""
    base: Values = {"model_type": kind, **TYPES[kind]}
    yield Variant(f"{kind}/as it is", base, base)
    for size, others in NAMES.items():
        if size in base:
            for other in others:
                yield from _renamed(kind, base, size, other)
    for name, values in SWITCHES.items():
        for value in values:
            yield Variant(f"{kind}/{name}={value}", {**base, name: value}, base)
    for one, two in combinations(SWITCHES, 2):
        both = {one: SWITCHES[one][0], two: SWITCHES[two][0]}
        yield Variant(f"{kind}/{one}+{two}", {**base, **both}, base)
    for name, value in METADATA.items():
        yield Variant(f"{kind}/{name}", {**base, name: value}, base)
        for switch in SWITCHES:
            both = {name: value, switch: SWITCHES[switch][0]}
            yield Variant(f"{kind}/{name}+{switch}", {**base, **both}, base)
    for name, impossible in IMPOSSIBLE.items():
        for value in impossible if _has(kind, name) else ():
            yield Variant(f"{kind}/{name}={value!r}", {**base, name: value}, None)


def _has(kind: str, name: str) -> bool:
    """Whether the class of a type reads this key; values of others mean nothing anyway."""
    from transformers import AutoConfig

    return hasattr(AutoConfig.for_model(kind), name)


def _renamed(kind: str, base: Values, size: str, other: str) -> Iterator[Variant]:
    """A size under another name, alone, beside its own name, and with another value."""
    if other in base:
        return
    alone = {(other if key == size else key): value for key, value in base.items()}
    yield Variant(f"{kind}/{size} as {other}", alone, base)
    for switch in ("output_attentions", "torchscript"):
        values = {**alone, switch: True}
        yield Variant(f"{kind}/{size} as {other}, {switch}", values, base)
    yield Variant(f"{kind}/{size} and {other}", {**base, other: base[size]}, base)
    if isinstance(base[size], int):
        against = {**base, other: 3 * base[size] + 1}
        yield Variant(f"{kind}/{size} against {other}", against, base, noted=other)


def outcomes(
    found: Iterator[Variant], known: Mapping[str, str] | None = None
) -> Iterator[tuple[Variant, str]]:
    """Yield each variant with its outcome; those in `known` are not run again."""
    truths: dict[str, int | None] = {}
    with tempfile.TemporaryDirectory() as folder:
        for variant in found:
            outcome = (known or {}).get(variant.id)
            if outcome is None:
                outcome = _outcome(variant, truths, Path(folder))
            yield variant, outcome


def _outcome(variant: Variant, truths: dict[str, int | None], folder: Path) -> str:
    file = folder / "config.json"
    file.write_text(json.dumps(variant.values), encoding="utf-8")
    try:
        described = describe(resolve_checkpoint(str(file), ANY_FILE))
    except FreezeLabError as problem:
        return f"refused: {problem}"
    except Exception as problem:
        return f"wrong: {type(problem).__name__}: {problem}"
    read = sum(_size(each.shape) for each in described.tensors if each.tied_to is None)
    key = json.dumps(variant.intended)
    if key not in truths:
        truths[key] = None if variant.intended is None else true_parameters(variant.intended)
    if truths[key] is None:
        return f"wrong: accepted, with {read:,} parameters, though it means nothing"
    if read != truths[key]:
        return f"wrong: {read:,} parameters for {truths[key]:,}"
    if variant.noted is not None and not any(variant.noted in note for note in described.notes):
        return f"wrong: '{variant.noted}' is not named"
    return "right"


def true_parameters(values: Values) -> int:
    """The number of parameters of the encoder that transformers builds, without Freeze Lab."""
    from transformers import AutoConfig, AutoModel

    config = AutoConfig.for_model(**values)
    return sum(each.numel() for each in AutoModel.from_config(config).parameters())


def _size(shape: Sequence[int]) -> int:
    total = 1
    for each in shape:
        total *= each
    return total


def table(counts: Mapping[tuple[str, str], int]) -> str:
    """A Markdown table with one row per type."""
    words = ("right", "refused", "wrong")
    lines = [f"| type | variants | {' | '.join(words)} |", "|---|--:|--:|--:|--:|"]
    kinds = list(dict.fromkeys(kind for kind, _ in counts))
    for kind in [*kinds, "all"]:
        own = [
            sum(n for (k, w), n in counts.items() if kind in (k, "all") and w == word)
            for word in words
        ]
        lines.append(f"| {kind} | {sum(own):,} | {' | '.join(f'{n:,}' for n in own)} |")
    return "\n".join(lines)


def _known(results: Path) -> dict[str, str]:
    if not results.exists():
        return {}
    rows = (json.loads(line) for line in results.read_text(encoding="utf-8").splitlines())
    return {row["id"]: row["outcome"] for row in rows}


if __name__ == "__main__":
    sys.exit(main())
