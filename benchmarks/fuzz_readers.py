"""Gives every reader of foreign files random inputs; an error that is not ours is a failure.

    python benchmarks/fuzz_readers.py [--inputs 20000] [--results FILE] [--readers csv,tokenizer]
    python benchmarks/fuzz_readers.py --repeat csv:123

An input is a valid file that was changed a few times: bytes, lines, brackets, or values of its
JSON. It depends only on the seed, the reader and its number. Its outcome is *read*, or *refused* by
a FreezeLabError. Any other exception, a data set that does not survive the way from a reading
process to the server, and more than two seconds are failures: they are printed with reader and
number, and the command exits with 1. Outcomes are appended to the results in parts, so an
interrupted command continues there.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from functools import cache, partial
from io import BytesIO, StringIO
from pathlib import Path
from time import monotonic, process_time
from types import FrameType
from typing import Any

from pydantic import TypeAdapter

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks.fuzz_inputs import (
    ARMS,
    BPE,
    CONFIG,
    CONLL,
    CONLL_U,
    LABEL_STUDIO,
    MANIFEST,
    PLAN,
    SELECTORS,
    SENTENCES,
    SPANS,
    TOKENIZER,
    TOKENS,
    UNIGRAM,
    Reader,
    changed,
    tables,
    tsv,
)
from mtl_core.cli.compare.arms import parse_arm
from mtl_core.errors import FreezeLabError
from mtl_core.freezing.plan_file import parse_plan
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.freezing.selectors import select
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import Checkpoint
from mtl_core.models.configuration import read_architecture
from mtl_core.models.description import ModelDescription
from mtl_core.models.trained_vector import trained_sentence_vector
from mtl_core.tasks.contents import Content, content_of
from mtl_core.tasks.dataset import Dataset, dataset_of
from mtl_core.tasks.example import Example
from mtl_core.tasks.lengths import SubWordCounter, WordCounter
from mtl_core.tasks.lines import DataFile
from mtl_core.tasks.manifest import COLUMNS, Manifest, TaskSource, read_manifest
from mtl_core.tasks.overview import overview
from mtl_core.tasks.task import DEFAULT_TASKS, TaskKind
from mtl_core.tasks.token_columns import TokenColumns
from mtl_core.tasks.uploads import UploadedFile, columns_of

READ, REFUSED = "read", "refused"
MOST_SECONDS = 2.0
PART = 250
_HANG_SECONDS = 20.0
_MOST_SHOWN = 20  # failures of a part
_SCRATCH = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108 - in memory


class Hang(BaseException):
    """An input is still being read after many seconds."""


def main() -> int:
    """Give all inputs that the results lack, and print the outcomes by reader."""
    parser = argparse.ArgumentParser(description="Gives readers of foreign files random inputs.")
    parser.add_argument("--inputs", type=int, default=20_000, help="of all readers together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--results", type=Path, help="outcomes so far, where the command continues")
    parser.add_argument("--readers", default="", help="only these, separated by commas")
    parser.add_argument("--repeat", help="READER:NUMBER, one input to print and read again")
    arguments = parser.parse_args()
    if arguments.repeat:
        return _repeat(arguments.repeat, arguments.seed)
    chosen = [
        each for each in readers() if each.name in (arguments.readers or each.name).split(",")
    ]
    counts: Counter[tuple[str, str]] = Counter()
    failures: list[str] = []
    started = monotonic()
    for reader, found in _parts(chosen, arguments.inputs, arguments.seed, arguments.results):
        for outcome, number in found["outcomes"].items():
            counts[reader, outcome] += number
        failures += found["failures"]
        for failure in found["failures"][:_MOST_SHOWN]:
            print(failure, flush=True)
    print(table(counts))
    print(f"{counts.total():,} inputs, {len(failures)} failures, {monotonic() - started:.0f} s")
    return 1 if failures else 0


def readers() -> tuple[Reader, ...]:
    """Every reader with valid files."""
    sentence, token = TaskKind.SENTENCE, TaskKind.TOKEN
    rows = b"".join(
        json.dumps({"text": f"t{n}", "label": f"l{n % 2}"}).encode() + b"\n" for n in range(3)
    )
    tokens = b"\n".join(json.dumps(each).encode() for each in TOKENS)
    spans, studio = (json.dumps(each).encode() for each in (SPANS, LABEL_STUDIO))
    config = partial(_in_file, _read_config, "config.json")
    return (
        Reader("csv", (SENTENCES.encode(),), partial(_read_data, sentence, ".csv")),
        Reader(
            "tsv",
            (tsv(), b'text\tlabel\n"a"\tup\n"b"\tdown\n'),
            partial(_read_data, sentence, ".tsv"),
        ),
        Reader("json lines", (rows,), partial(_read_data, sentence, ".jsonl"), has_json=True),
        Reader("conll", (CONLL.encode(),), partial(_read_data, token, ".conll")),
        Reader(
            "conll-u",
            (CONLL_U.encode(),),
            partial(_read_data, token, ".conll", columns=TokenColumns(word=2, tag=4)),
        ),
        Reader("tokens", (tokens,), partial(_read_data, token, ".jsonl"), has_json=True),
        Reader(
            "json",
            (json.dumps(TOKENS).encode(), spans, studio),
            partial(_read_data, token, ".json"),
            has_json=True,
        ),
        Reader("parquet", tables(parquet=True), partial(_read_data, sentence, ".parquet"), share=2),
        Reader("arrow", tables(parquet=False), partial(_read_data, sentence, ".arrow"), share=2),
        Reader("manifest", (MANIFEST.encode(),), partial(_in_file, read_manifest, "manifest.yaml")),
        Reader("plan", (PLAN.encode(),), _read_plan),
        Reader("scenario", (b"top-2", b"freeze-head:ner", b"full"), _scenario, share=1),
        Reader("selector", tuple(each.encode() for each in SELECTORS), _select),
        Reader("arm", tuple(each.encode() for each in ARMS), lambda given: parse_arm(_text(given))),
        Reader(
            "tokenizer",
            tuple(json.dumps(each).encode() for each in (TOKENIZER, BPE, UNIGRAM)),
            partial(_in_file, _count, "tokenizer.json"),
            has_json=True,
        ),
        Reader("config", (json.dumps(CONFIG).encode(),), config, has_json=True, share=1),
    )


def outcome(reader: Reader, content: bytes) -> str:
    """`read`, `refused`, or what failed."""
    started = process_time()
    try:
        with _alarm(), _quiet():
            reader.read(content)
        found = READ
    except FreezeLabError:
        found = REFUSED
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as problem:
        return f"{type(problem).__name__}: {str(problem)[:200]!r}"
    seconds = process_time() - started
    return found if seconds <= MOST_SECONDS else f"took {seconds:.1f} s"


def outcomes(reader: Reader, numbers: range, seed: int = 0) -> Iterator[tuple[int, str]]:
    """The number and the outcome of each input."""
    for number in numbers:
        yield number, outcome(reader, changed(reader, number, seed))


def table(counts: Counter[tuple[str, str]]) -> str:
    """The outcomes by reader as a Markdown table."""
    lines = ["| reader | inputs | read | refused | failed |", "|---|--:|--:|--:|--:|"]
    for reader in dict.fromkeys(name for name, _ in counts):
        found = [counts[reader, each] for each in (READ, REFUSED, "failed")]
        lines.append(f"| {reader} | {' | '.join(f'{each:,}' for each in (sum(found), *found))} |")
    return "\n".join(lines)


def _parts(
    chosen: Sequence[Reader], inputs: int, seed: int, results: Path | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The outcomes of parts of each reader's inputs: those in `results`, then new ones."""
    known = _known(results)
    shares = sum(reader.share for reader in chosen)
    for reader in chosen:
        own = max(1, inputs * reader.share // shares)
        outcome(reader, reader.samples[0])  # imports libraries, which takes seconds
        for start in range(0, own, PART):
            numbers = range(start, min(start + PART, own))
            key = f"{seed}:{reader.name}:{numbers.start}-{numbers.stop}"
            found = known.get(key) or _part(reader, numbers, seed)
            if results is not None and key not in known:
                with results.open("a", encoding="utf-8") as opened:
                    opened.write(json.dumps({"part": key, **found}) + "\n")
            yield reader.name, found


def _part(reader: Reader, numbers: range, seed: int) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    failures = []
    for number, found in outcomes(reader, numbers, seed):
        failed = found not in (READ, REFUSED)
        counts["failed" if failed else found] += 1
        failures += [f"{reader.name}:{number} (seed {seed}): {found}"] if failed else []
    return {"outcomes": dict(counts), "failures": failures}


def _known(results: Path | None) -> dict[str, dict[str, Any]]:
    """The parts without a failure in earlier results; the others are repeated."""
    if results is None or not results.is_file():
        return {}
    parts = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {each.pop("part"): each for each in parts if not each["failures"]}


def _repeat(named: str, seed: int) -> int:
    name, _, number = named.rpartition(":")
    (reader,) = (each for each in readers() if each.name == name)
    content = changed(reader, int(number), seed)
    sys.stdout.buffer.write(content + b"\n\n")
    sys.stdout.flush()
    reader.read(content)
    return 0


def _read_data(
    kind: TaskKind, suffix: str, content: bytes, columns: TokenColumns | None = None
) -> None:
    """Read a file as training and validation data, count it, and send it as a process would."""
    file = DataFile(name=f"a{suffix}", path=Path(f"a{suffix}"))
    text, label = COLUMNS[kind]
    source = TaskSource(
        name="s",
        kind=kind,
        head="h",
        train=file,
        validation=file,
        text=text,
        label=label,
        columns=columns,
    )

    def read(file: DataFile) -> Content:
        return content_of(file, BytesIO(content))

    columns_of(UploadedFile(file.name, content))
    dataset = dataset_of(Manifest(path=Path("m"), tasks=(source,)), "x", read=read)
    overview(dataset, WordCounter())
    if _DATASET.validate_json(_DATASET.dump_json(dataset)) != dataset:
        raise ValueError("the data set differs after it was sent")


_DATASET = TypeAdapter(Dataset)


def _in_file(read: Callable[[Path], object], name: str, content: bytes) -> None:
    file = _scratch() / name
    file.write_bytes(content)
    read(file)


@cache
def _scratch() -> Path:
    return Path(tempfile.mkdtemp(dir=_SCRATCH, prefix="fuzz-"))


def _count(file: Path) -> None:
    examples = [Example("ab é 12 🙂", None, {"s": "up"}), Example("", None, {"s": "up"})]
    words = [Example(None, ("a", "b", "\u0300"), {"s": ("B-X", "O", "I-X")})]
    counter = SubWordCounter(file)
    for each in (examples, words):
        counter.lengths(each, "s")


def _read_config(file: Path) -> None:
    checkpoint = Checkpoint(reference="x", name="x", config_file=file, folder=file.parent)
    trained_sentence_vector(checkpoint)
    read_architecture(file)


def _read_plan(content: bytes) -> None:
    parameter_tables(parse_plan(_text(content), source="the plan"), _model())


def _select(content: bytes) -> None:
    select(_text(content), _model())


def _scenario(content: bytes) -> None:
    scenario_plan(_text(content), _model())


def _text(content: bytes) -> str:
    return content.decode("utf-8", errors="replace")


@cache
def _model() -> ModelDescription:
    return ModelDescription(read_description(shipped_description("minilm-l6")), DEFAULT_TASKS)


@contextmanager
def _alarm() -> Iterator[None]:
    """Raises Hang after many seconds, where the system has such a clock."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_signal: int, _frame: FrameType | None) -> None:
        raise Hang("it is still being read")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, _HANG_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Hides what libraries write to standard error, also in Rust, such as the place of a panic."""
    saved, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        with redirect_stderr(StringIO()):
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(nothing)


if __name__ == "__main__":
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    sys.exit(main())
