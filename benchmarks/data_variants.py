"""Reads labelled sentences that are written in all ways, and reports any that is misread silently.

    python benchmarks/data_variants.py --summary benchmarks/data_variants.json

`written_variants.py` and `written_rows.py` write the files and have the truth. A variant is *right*
if all words, entities, texts and labels are found, and entities that are cut off are counted. It is
*counted* if some spans became no entity and a note has their number, and *refused* if an error
names the file. Anything else is *wrong*, and the command exits with 1. Each outcome is appended to
the results, and an interrupted command continues there, unless the readers have changed since.
Prints a Markdown table; `make docs` copies the summary into docs/manifest.md.
"""

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks.written_rows import classes, keyed, spans, truncations
from benchmarks.written_variants import (
    Entities,
    Rated,
    Tagged,
    Variant,
    columns,
    encodings,
    named_columns,
    tables,
)
from mtl_core.errors import DataError
from mtl_core.file_access import ANY_FILE
from mtl_core.tasks.dataset import Dataset, load_dataset
from mtl_core.tasks.example import Example
from mtl_core.tasks.lengths import counter_for

ROOT = Path(__file__).parent.parent
FAMILIES = (columns, named_columns, tables, encodings, keyed, classes, spans, truncations)
OUTCOMES = ("right", "counted", "refused", "wrong")
_COUNT = re.compile(r": ([\d,]+) spans? ")
Key = tuple[str, str]
"""The family of a variant and its outcome."""


def main() -> int:
    """Run every variant that the results lack; print and write the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("data_variants.jsonl"))
    parser.add_argument("--summary", type=Path, help="a JSON file with the counts by family")
    arguments = parser.parse_args()
    known = _known(arguments.results)
    counts: Counter[Key] = Counter()
    wrong = []
    with arguments.results.open("a", encoding="utf-8") as results:
        for variant, found in outcomes(all_variants(), known):
            counts[variant.family, _kind(found)] += 1
            wrong += [f"{variant.id}: {found}"] if _kind(found) == "wrong" else []
            if variant.id not in known:
                results.write(json.dumps({"id": variant.id, "outcome": found}) + "\n")
    print(table(counts))
    print(*wrong, sep="\n")
    if arguments.summary:
        arguments.summary.write_text(json.dumps(by_family(counts), indent=1) + "\n")
    return 1 if wrong else 0


def all_variants(most: int | None = None) -> Iterator[Variant]:
    """Every variant of every family, or those of `most` options of each."""
    return chain.from_iterable(family(most) for family in FAMILIES)


def outcomes(
    variants: Iterable[Variant], known: dict[str, str] | None = None
) -> Iterator[tuple[Variant, str]]:
    """Each variant with its outcome: that in `known`, or that of reading its files."""
    with tempfile.TemporaryDirectory() as made:
        for variant in variants:
            earlier = (known or {}).get(variant.id)
            yield variant, earlier or outcome(variant, Path(made) / "variant")


def outcome(variant: Variant, folder: Path) -> str:
    """`right`, `counted`, `refused`, or what is wrong.

    The files are written into `folder`, which is then removed.
    """
    try:
        _write(variant, folder)
        name = variant.task.partition("train: ")[2].partition(",")[0]
        try:
            dataset = load_dataset(str(folder), ANY_FILE)
        except DataError as refusal:
            named = str(refusal).startswith(name) or f" {name}" in str(refusal)
            return "refused" if named else f"refused without the file: {refusal}"
        return _judged(variant, dataset, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def table(counts: Counter[Key]) -> str:
    """The outcomes by family as a Markdown table, with their sum."""
    head = "| files | variants | right | counted | refused | wrong |\n|---|--:|--:|--:|--:|--:|"
    rows = {**by_family(counts)}
    rows["all"] = {key: sum(each[key] for each in rows.values()) for key in OUTCOMES}
    lines = (
        f"| {family} | {sum(found.values()):,} | "
        f"{' | '.join(f'{found[key]:,}' for key in OUTCOMES)} |"
        for family, found in rows.items()
    )
    return "\n".join((head, *lines))


def by_family(counts: Counter[Key]) -> dict[str, dict[str, int]]:
    """The number of each outcome by family."""
    families = dict.fromkeys(family for family, _ in counts)
    return {family: {key: counts[family, key] for key in OUTCOMES} for family in families}


def _kind(found: str) -> str:
    return found if found in OUTCOMES else "wrong"


def _known(results: Path) -> dict[str, str]:
    """The outcomes by variant so far; none if the readers have changed since."""
    digest = hashlib.sha256()
    modules = [
        *(ROOT / "mtl_core" / "tasks").glob("*.py"),
        *Path(__file__).parent.glob("written_*"),
    ]
    for module in (*sorted(modules), Path(__file__)):
        digest.update(module.read_bytes())
    lines = results.read_text(encoding="utf-8").splitlines() if results.is_file() else []
    rows = list(_rows(lines[1:])) if lines[:1] == [digest.hexdigest()] else []
    kept = (digest.hexdigest(), *map(json.dumps, rows))
    results.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
    return {row["id"]: row["outcome"] for row in rows}


def _rows(lines: Iterable[str]) -> Iterator[dict[str, str]]:
    for line in lines:
        with suppress(ValueError):  # the last line of an interrupted command
            yield json.loads(line)


def _write(variant: Variant, folder: Path) -> None:
    for name, content in variant.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "manifest.yaml").write_text(f"tasks: {{t: {{{variant.task}}}}}\n", encoding="utf-8")


def _judged(variant: Variant, dataset: Dataset, folder: Path) -> str:
    """`right`, `counted`, or what a reader found that is not the truth."""
    if len(dataset.train) != len(variant.truth):
        return f"{len(dataset.train)} examples, not {len(variant.truth)}"
    missing = 0
    for example, true in zip(dataset.train, variant.truth, strict=True):
        if (found := _missing(example, true)) is None:
            return f"{example}, not {true}"
        missing += found
    notes = " ".join(dataset.readings["t"].notes_once)
    counted = sum(int(each.replace(",", "")) for each in _COUNT.findall(notes))
    if counted != variant.left_out + missing:
        return f"{missing} entities are missing, and the notes are {notes or 'empty'}"
    wrong = _miscounted(variant, dataset, folder) if variant.truncation else None
    return wrong or ("counted" if counted else "right")


def _missing(example: Example, true: Tagged | Rated) -> int | None:
    """The number of entities that were not found; None if something else was found."""
    label = example.labels["t"]
    if isinstance(label, str):
        return 0 if (example.text, label) == true else None
    words, entities = true
    found = set(entities_of(label))
    if example.words != words or not found <= set(entities):
        return None
    return len(entities) - len(found)


def entities_of(tags: Sequence[str]) -> Entities:
    """The entities of tags in IOB2, or of bare types, as start, end and type."""
    found: list[tuple[int, int, str]] = []
    for place, tag in enumerate(tags):
        if tag == "O":
            continue
        letter, _, kind = tag.partition("-") if tag[:2] in ("B-", "I-") else ("I", "", tag)
        if letter == "I" and found and found[-1][1:] == (place, kind):
            found[-1] = (found[-1][0], place + 1, kind)
        else:
            found.append((place, place + 1, kind))
    return tuple(found)


def _miscounted(variant: Variant, dataset: Dataset, folder: Path) -> str | None:
    """Whether the entities that are cut off are counted wrongly, and how; None if not."""
    side, max_length = variant.truncation or ("right", 0)
    sentences = [truth for truth in variant.truth if isinstance(truth[0], tuple)]
    _write_tokenizer(folder, sentences, side)
    lost = counter_for(folder).lengths(dataset.train, "t").entities_lost(max_length)
    if lost != variant.lost:
        return f"{lost} entities are counted as cut off, not {variant.lost}"
    return None


def _write_tokenizer(folder: Path, sentences: Sequence[Tagged], side: str) -> None:
    """A tokenizer with one token for each word, and two special tokens."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from tokenizers.processors import TemplateProcessing

    words = sorted({word for words, _ in sentences for word in words})
    vocabulary = {word: number for number, word in enumerate(["[UNK]", "[CLS]", "[SEP]", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))  # noqa: S106 - a word
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"truncation_side": side}))


if __name__ == "__main__":
    sys.exit(main())
