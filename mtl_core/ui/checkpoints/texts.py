"""What the Checkpoints page says: its answer, each checkpoint's facts and costs, words to cut."""

import re
from collections.abc import Iterable, Sequence

from mtl_core.analysis.pace import Pace
from mtl_core.analysis.words import in_percent
from mtl_core.charts.parameters import short_count
from mtl_core.models.catalogue import Domain, TokenizerFamily
from mtl_core.models.facts import CheckpointFacts
from mtl_core.models.word_pieces import SplitWord
from mtl_core.report.run_words import memory, plan_words

MOST_WORDS = 12
LONGEST_WORD = 40
LONGEST_TEXT = 400

DOMAIN_TITLES = {
    Domain.GENERAL: "General English",
    Domain.MULTILINGUAL: "Several languages",
    Domain.BIOMEDICAL: "Biomedical",
    Domain.LEGAL: "Legal",
}
"""Kinds of text in the order of the page."""

EXAMPLE_WORDS = {
    "General": ("unforgettable", "doomscrolling"),
    "Biomedical": ("acetylcholinesterase", "thrombocytopenia"),
    "Legal": ("estoppel", "indemnification"),
    "Names": ("Reykjavík", "Wojciechowska"),
}
"""Words that tell tokenizers apart, by the kind of text they come from."""

_BETWEEN_WORDS = re.compile(r"[\s,;]+")
_LONGEST_NAME = 32


def checkpoints_headline(known: Sequence[CheckpointFacts]) -> str:
    """The page's answer: what to take to start with, and for text of a kind of its own."""
    takes = {
        "Start": Domain.GENERAL,
        "medicine": Domain.BIOMEDICAL,
        "law": Domain.LEGAL,
        "languages": Domain.MULTILINGUAL,
    }
    return "; ".join(f"{what}: {_first(known, domain)}" for what, domain in takes.items())


def short_name(name: str) -> str:
    """A checkpoint's name as long as a button has room for."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


def grouped(known: Sequence[CheckpointFacts]) -> dict[Domain, tuple[CheckpointFacts, ...]]:
    """The checkpoints by kind of text, the smallest first."""
    by_size = sorted(known, key=lambda facts: facts.parameters)
    return {
        domain: tuple(facts for facts in by_size if facts.domain is domain)
        for domain in DOMAIN_TITLES
    }


def size_line(facts: CheckpointFacts) -> str:
    """`109 M parameters, 12 layers × 768`."""
    count = short_count(facts.parameters)
    if facts.layers_of_their_own < facts.layers:
        return f"{count} parameters, 1 layer × {facts.hidden_size:,}, {facts.layers} times"
    return f"{count} parameters, {facts.layers} layers × {facts.hidden_size:,}"


def vocabulary_line(facts: CheckpointFacts) -> str:
    """`30,522 WordPieces, uncased, 512 tokens`."""
    family = {TokenizerFamily.BPE: "BPE pieces"}.get(facts.tokenizer, f"{facts.tokenizer}s")
    cased = "cased" if facts.cased else "uncased"
    longest = f", {facts.max_tokens:,} tokens" if facts.max_tokens else ""
    return f"{facts.vocabulary_size:,} {family}, {cased}{longest}"


def memory_line(facts: CheckpointFacts) -> str:
    """`1.75 GB to train all of it`."""
    return f"{memory(facts.training_bytes)} to train all of it"


def work_line(facts: CheckpointFacts, measure: CheckpointFacts) -> str:
    """`8.0 × minilm-l6 for a token`."""
    if facts.name == measure.name:
        return "1, the measure of the others"
    ratio = facts.multiplications_per_token / measure.multiplications_per_token
    return f"{ratio:.1f} × {measure.name} for a token"


def download_line(facts: CheckpointFacts) -> str:
    """`438 MB, Apache-2.0`: the encoder in float32."""
    return f"{memory(facts.download_bytes)}, {facts.licence}"


def pace_line(paces: Sequence[Pace]) -> str | None:
    """The quickest and slowest step measured here, and with what; None where nothing was."""
    if not paces:
        return None
    quick = min(paces, key=lambda pace: pace.seconds_per_step)
    slow = max(paces, key=lambda pace: pace.seconds_per_step)
    said = list(dict.fromkeys(f"{_step(pace)} ({_setting(pace)})" for pace in (quick, slow)))
    runs = f", in {len(paces)} runs" if len(paces) > 1 else ""
    return f"{' to '.join(said)}{runs}"


def embeddings_finding(known: Sequence[CheckpointFacts]) -> str:
    """Which checkpoint is embeddings for the most part, in one line."""
    most = max(known, key=lambda facts: facts.embedding_share)
    return f"{most.name}: {in_percent(most.embedding_share)} of its parameters are embeddings"


def words_from(text: str) -> tuple[tuple[str, ...], list[str]]:
    """The words typed, each once, in order; and notes on what was left out.

    Words stand between blanks, commas and semicolons. At most `MOST_WORDS` of at most
    `LONGEST_WORD` characters; signs that cannot be printed are dropped.
    """
    notes = []
    if len(text) > LONGEST_TEXT:
        notes.append(f"Only the first {LONGEST_TEXT} characters were read.")
    typed = _BETWEEN_WORDS.split(text[:LONGEST_TEXT])
    printable = ("".join(filter(str.isprintable, word)) for word in typed)
    words = list(dict.fromkeys(filter(None, printable)))
    short = [word for word in words if len(word) <= LONGEST_WORD]
    if len(short) < len(words):
        notes.append(f"A word of more than {LONGEST_WORD} characters was left out.")
    if len(short) > MOST_WORDS:
        notes.append(f"The first {MOST_WORDS} of {len(short)} words are shown.")
    return tuple(short[:MOST_WORDS]), notes


def cuts_finding(name: str, cuts: Iterable[SplitWord]) -> str:
    """The word that falls into most pieces, in one line."""
    most = max(cuts, key=lambda cut: len(cut.pieces))
    return f"{name} cuts “{most.word}” into {pieces(most)}"


def pieces(cut: SplitWord) -> str:
    """`1 piece`, `7 pieces`."""
    return f"{len(cut.pieces)} piece{'' if len(cut.pieces) == 1 else 's'}"


def _first(known: Sequence[CheckpointFacts], domain: Domain) -> str:
    return next(facts.name for facts in known if facts.domain is domain)


def _step(pace: Pace) -> str:
    seconds = pace.seconds_per_step
    return f"{seconds * 1000:.0f} ms a step" if seconds < 0.1 else f"{seconds:.2g} s a step"


def _setting(pace: Pace) -> str:
    spec = pace.spec
    threads = "1 thread" if spec.threads == 1 else f"{spec.threads} threads"
    return f"{plan_words(spec)}, batches of {spec.batch_size}, {threads}"
