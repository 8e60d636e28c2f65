"""Variants of data files: each is read as meant, counted, or refused by name.

`benchmarks/data_variants.py` reads all of them; here a sample that is always the same.
"""

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks import data_variants
from benchmarks.data_variants import ROOT, all_variants, by_family, main, outcomes
from benchmarks.written_variants import LAYOUTS, Variant, tables

MOST = 8  # options of each family; some are written in several formats
SUMMARY = json.loads((ROOT / "benchmarks" / "data_variants.json").read_text(encoding="utf-8"))
READABLE = {
    "scheme": ("IOB2", "IO", "inside only", "BIOES", "BILOU", "BMES"),
    "outside": ("O",),
    "layout": tuple(LAYOUTS)[:2],  # the word first, the tag last
    "separator": ("tabs", "blanks"),
    "line end": ("LF", "CRLF"),
    "comment": ("",),
}


def is_readable(variant: Variant) -> bool:
    """Whether CoNLL columns are read without a word in the manifest."""
    allowed = READABLE.values()
    return all(value in each for value, each in zip(variant.values, allowed, strict=True))


def test_no_variant_of_a_sample_is_misread() -> None:
    counts: Counter[tuple[str, str]] = Counter()
    for variant, outcome in outcomes(all_variants(MOST)):
        counts[variant.family, outcome] += 1
        if variant.family == "CoNLL columns":
            assert outcome == ("right" if is_readable(variant) else "refused"), variant.id
    found = by_family(counts)
    assert found.keys() == SUMMARY.keys()
    assert {outcome for _, outcome in counts} == {"right", "counted", "refused"}, counts
    assert sum(each["counted"] for each in found.values()) == found["spans"]["counted"] > 0
    assert all(found[each]["right"] for each in ("named columns", "rows with keys", "truncation"))


def test_the_summary_has_every_variant_and_no_misread_one() -> None:
    readable = 1
    for values in READABLE.values():
        readable *= len(values)
    assert SUMMARY["CoNLL columns"]["right"] == readable
    assert sum(sum(each.values()) for each in SUMMARY.values()) == 32_232
    assert not any(each["wrong"] for each in SUMMARY.values())


@pytest.mark.parametrize(
    ("suffix", "separator", "refused"),
    [
        (
            "csv",
            "commas",
            {
                "commas",
                "a word in marks first",
                "a lone mark and its partner",
                "a lone mark",
                "two lines",
            },
        ),
        ("tsv", "tabs", {"two lines"}),
    ],
)
def test_of_tables_only_joined_texts_with_marks_separators_or_lines_are_refused(
    suffix: str, separator: str, refused: set[str]
) -> None:
    usual = (suffix, separator, "LF", "text first", "")
    chosen = [each for each in tables() if (*each.values[:1], *each.values[3:]) == usual]
    found = {each.values[1:3]: outcome for each, outcome in outcomes(chosen)}
    assert len(found) == 27
    assert {each for each, outcome in found.items() if outcome == "refused"} == {
        (texts, "joined") for texts in refused
    }
    assert set(found.values()) == {"right", "refused"}


def test_an_interrupted_command_continues_and_a_misread_variant_fails_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.jsonl"
    monkeypatch.setattr("sys.argv", ["data_variants.py", "--results", str(results)])
    first, second = list(all_variants(1))[:2]
    monkeypatch.setattr(data_variants, "all_variants", lambda: iter([first]))
    assert main() == 0
    assert len(results.read_text().splitlines()) == 2
    with results.open("a", encoding="utf-8") as file:
        file.write('{"id": "cut of')

    monkeypatch.setattr(data_variants, "all_variants", lambda: iter([first, second]))
    read = []

    def misread(variant: Variant, folder: Path) -> str:
        read.append(variant)
        return "1 example, not 2"

    monkeypatch.setattr(data_variants, "outcome", misread)
    assert main() == 1
    assert read == [second]
    shown = capsys.readouterr().out
    assert "| all | 2 | 0 | 0 | 1 | 1 |" in shown
    assert f"{second.id}: 1 example, not 2" in shown
