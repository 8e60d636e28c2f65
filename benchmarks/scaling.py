"""Growth of a run's seconds and memory with examples, with frozen depth and with length.

    python benchmarks/scaling.py [--axes examples,depth,length] [--examples 250,500,1000,2000]
        [--lengths 32,64,128,256] [--scenarios heads-only,top-1,top-3,full] [--repeats 1] [--json]
        [--prefix-memory BYTES]

The sentences are joined from those of the sample, drawn with a fixed seed and cut off at the
maximum length, so every example has exactly the requested number of tokens. Examples count both
tasks together. Along one axis the other values are fixed: 500 examples, 32 tokens, one epoch. The
depth axis runs `heads-only`, `top-1` to `top-6` and `full`, the other axes each scenario of
--scenarios. Each run has a new process and an empty cache. Growth is the slope between
neighbouring points on log-log axes: 1 is linear, 2 is quadratic.
"""

import argparse
import csv
import json
import math
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.run_request import RunRequest, run_in_process
from mtl_core.file_access import ANY_FILE
from mtl_core.settings import PREFIX_MEMORY_BYTES
from mtl_core.tasks.dataset import load_dataset
from mtl_core.tasks.example import Example

DEPTHS = ("heads-only", *(f"top-{n}" for n in range(1, 7)), "full")
_EXAMPLES, _LENGTH, _VALIDATION = 500, 32, 40
Row = dict[str, Any]


def main() -> None:
    """Measure along the requested axes and print a table."""
    arguments = _arguments()
    rows = []
    for row in _rows(arguments):
        rows.append(row)
        print(_markdown_row(row), file=sys.stderr, flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return
    print("| axis | scenario | examples | tokens | seconds | growth | peak MB | growth |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for row in rows:
        print(_markdown_row(row))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--axes", default="examples,depth,length")
    parser.add_argument("--examples", default="250,500,1000,2000,4000,8000")
    parser.add_argument("--lengths", default="32,64,128,256")
    parser.add_argument("--scenarios", default="heads-only,top-1,full")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--prefix-memory", type=int, default=PREFIX_MEMORY_BYTES)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _rows(arguments: argparse.Namespace) -> Iterator[Row]:
    """Yield every point of every axis, with its growth from the previous point."""
    axes = arguments.axes.split(",")
    scenarios = arguments.scenarios.split(",")
    base = RunRequest(
        side="ours",
        scenario="full",
        epochs=1.0,
        threads=arguments.threads,
        prefix_memory_bytes=arguments.prefix_memory,
    )
    if "examples" in axes:
        for scenario in scenarios:
            points = [(int(n), _LENGTH) for n in arguments.examples.split(",")]
            request = replace(base, scenario=scenario)
            yield from _along("examples", request, points, arguments.repeats)
    if "depth" in axes:
        for scenario in DEPTHS:
            points = [(_EXAMPLES, _LENGTH)]
            yield from _along("depth", replace(base, scenario=scenario), points, arguments.repeats)
    if "length" in axes:
        for scenario in scenarios:
            points = [(_EXAMPLES, int(n)) for n in arguments.lengths.split(",")]
            request = replace(base, scenario=scenario)
            yield from _along("length", request, points, arguments.repeats)


def _along(
    axis: str, request: RunRequest, points: list[tuple[int, int]], repeats: int
) -> Iterator[Row]:
    previous: Row | None = None
    for examples, length in points:
        row = {"axis": axis, "scenario": request.scenario, "examples": examples, "tokens": length}
        row |= _measured(request, examples, length, repeats)
        for measure in ("seconds", "peak_memory_bytes"):
            size = None if axis == "depth" else axis if axis == "examples" else "tokens"
            row[f"{measure}_growth"] = _slope(previous, row, size, measure)
        yield row
        previous = row


def _measured(request: RunRequest, examples: int, length: int, repeats: int) -> Row:
    """Medians over the repeated runs on data of this size."""
    runs = []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            manifest = _write(Path(folder), examples, length)
            cache = str(Path(folder) / "cache")
            runs.append(
                run_in_process(replace(request, data=manifest, max_length=length, cache=cache))
            )
    names = (
        *("seconds", "training_seconds", "evaluation_seconds", "prefix_seconds"),
        "peak_memory_bytes",
    )
    return {name: median(run[name] for run in runs) for name in names}


def _slope(previous: Row | None, row: Row, size: str | None, measure: str) -> float | None:
    """The slope between two points on log-log axes; None at the first point."""
    if previous is None or size is None:
        return None
    return math.log(row[measure] / previous[measure]) / math.log(row[size] / previous[size])


def _write(folder: Path, examples: int, length: int) -> str:
    """Write data with `examples` training sentences in total; return the manifest's path."""
    sample = load_dataset("sample", ANY_FILE, {}).train
    tagged = [each for each in sample if each.words is not None]
    texts = [each for each in sample if each.words is None]
    random_state = random.Random(0)
    for split, count in (("train", examples // 2), ("validation", _VALIDATION)):
        with (folder / f"texts.{split}.csv").open("w", encoding="utf-8", newline="") as opened:
            rows = csv.writer(opened)
            rows.writerow(("text", "label"))
            for _ in range(count):
                drawn = _drawn(texts, length, random_state)
                label = drawn[0].labels["sentiment"]
                rows.writerow((" ".join(each.text or "" for each in drawn), label))
        sentences = (_lines(_drawn(tagged, length, random_state)) for _ in range(count))
        text = "\n\n".join(sentences) + "\n"
        (folder / f"tags.{split}.conll").write_text(text, encoding="utf-8")
    manifest = folder / "manifest.yaml"
    manifest.write_text(_MANIFEST, encoding="utf-8")
    return str(manifest)


def _drawn(sentences: list[Example], length: int, random_state: random.Random) -> list[Example]:
    """Draw sentences that have at least `length` words together."""
    drawn: list[Example] = []
    while sum(map(_words, drawn)) < length:
        drawn.append(random_state.choice(sentences))
    return drawn


def _words(example: Example) -> int:
    return len(example.words or (example.text or "").split())


def _lines(drawn: list[Example]) -> str:
    pairs = (zip(each.words or (), each.labels["ner"], strict=True) for each in drawn)
    return "\n".join(f"{word}\t{tag}" for sentence in pairs for word, tag in sentence)


_MANIFEST = """tasks:
  sentiment: {kind: sentence, head: classifier, train: texts.train.csv,
              validation: texts.validation.csv, text: text, label: label}
  ner: {kind: token, head: ner, train: tags.train.conll, validation: tags.validation.conll}
"""


def _markdown_row(row: Row) -> str:
    slopes = [row[f"{measure}_growth"] for measure in ("seconds", "peak_memory_bytes")]
    seconds, memory = ("" if each is None else f"{each:.2f}" for each in slopes)
    return (
        f"| {row['axis']} | {row['scenario']} | {row['examples']:,} | {row['tokens']} "
        f"| {row['seconds']:.1f} | {seconds} | {row['peak_memory_bytes'] / 1e6:,.0f} | {memory} |"
    )


if __name__ == "__main__":
    main()
