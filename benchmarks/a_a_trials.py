"""How often the intervals between plans err, and what they find, in simulated comparisons.

    python benchmarks/a_a_trials.py [--trials 2000] [--quick] [--table] [--rows NAME]
        [--output FILE]

Simulates plans of equal true quality, plans whose true difference is the margin, and plans with a
difference to find (`simulated_answers.py`), and judges them as Freeze Lab does. A row is written to
--output, a file of JSON lines (default dist/a_a_trials.jsonl), as soon as its trials are done. Rows
that are in the file already are skipped: after an interruption, start the command again. It prints
the table as Markdown; --table prints what the file has and runs nothing. --quick runs a short
version of some rows in a few seconds. --rows runs only the rows whose name starts with NAME.

called: share of trials in which any plan is called below the best one although it is not lower.
for the last: the part of it in which the last plan, the one that differs, is called best.
found: share in which the last plan is called below the first. equivalent: share in which the last
plan is called equivalent to the best.

In the rows "baseline" the last plan is a baseline: one prediction for each sentence, without seeds.
called: share in which any plan is wrongly called above or below it; for the last: below it. found:
share in which the first plan is called above it. equivalent: the first plan is equivalent to it.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from math import comb
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent.parent))
from benchmarks.simulated_answers import Design, simulated_counts
from mtl_core.analysis.paired.components import variances
from mtl_core.analysis.paired.intervals import (
    ERROR,
    level_of_pair,
    reach_by_part,
    standard_error,
    student,
)
from mtl_core.analysis.paired.looks import level_of_look
from mtl_core.analysis.paired.scores import pseudo_values

MARGINS = {"accuracy": 0.03, "entity F1": 0.05}
INCLUDED_SPREADS = {"accuracy": 0.067, "entity F1": 0.19}
"""The shifts of runs that give the variance over seeds of the included plans, 1.6e-4 and 1.3e-3 for
a difference of two (`planned_variances.py`)."""

_VALUES_AT_ONCE = 4_000_000
_OUTPUT = Path(__file__).parent.parent / "dist" / "a_a_trials.jsonl"


@dataclass(frozen=True)
class Row:
    """One row of the table: a design, and the numbers of seeds at which the results are judged.

    With `baseline` the last plan of the design has no seeds: its first run is used for all.
    """

    name: str
    design: Design
    looks: tuple[int, ...] = ()
    baseline: bool = False

    @property
    def all_looks(self) -> tuple[int, ...]:
        """The looks, or one look with all seeds."""
        return self.looks or (self.design.seeds,)


def rows() -> Iterator[Row]:
    """All rows of the table."""
    for metric, margin in MARGINS.items():
        for plans in (2, 6, 12):
            for seeds in (2, 3, 5, 7, 10):
                yield from _equal_plans(Design(metric, plans, seeds))
            for looks in ((2, 3, 4, 5, 6, 7, 8, 9, 10), (3, 5, 10), (5, 10)):
                design = Design(metric, plans, 10)
                yield Row("until decided", design, looks)
                yield Row("until decided, 4 times", replace(design, last_spread=0.6), looks)
        for seeds in (3, 5, 10):
            for sentences in (200, 800, 2000):
                design = Design(metric, 2, seeds, sentences)
                yield Row("margin", replace(design, lower=margin))
                yield Row("equal, more sentences", design)
        for lower in (0.05, 0.075, 0.1):
            yield Row("power", Design(metric, 2, 5, lower=lower))
    for seeds in (3, 5, 10):
        for sentences in (60, 200):
            at_ceiling = Design("accuracy", 2, seeds, sentences, ceiling=True)
            yield Row("margin, ceiling", replace(at_ceiling, lower=MARGINS["accuracy"]))
    for metric, spread in INCLUDED_SPREADS.items():
        for plans in (2, 6):
            for seeds in (10, 20):
                yield Row("equal, as included", Design(metric, plans, seeds, 800, spread))
    yield from baseline_rows()


def baseline_rows() -> Iterator[Row]:
    """The rows that compare plans with a baseline; `plans` counts the baseline too."""
    for metric, margin in MARGINS.items():
        for plans in (2, 3, 7, 13):
            for seeds in (2, 3, 5, 10):
                design = Design(metric, plans, seeds, last_spread=0.0)
                yield Row("baseline", design, baseline=True)
                yield Row("baseline, wide spread", replace(design, spread=0.5), baseline=True)
                yield Row("baseline, ceiling", replace(design, ceiling=True), baseline=True)
                yield Row("baseline, 10 times", replace(design, spread=1.5), baseline=True)
            design = Design(metric, plans, 10, last_spread=0.0)
            yield Row("baseline, until decided", design, (3, 5, 10), baseline=True)
        for seeds in (3, 5, 10):
            for sentences in (200, 800):
                design = Design(metric, 2, seeds, sentences, last_spread=0.0, lower=margin)
                yield Row("baseline, margin", design, baseline=True)
        for lower in (0.05, 0.075, 0.1):
            design = Design(metric, 2, 5, last_spread=0.0, lower=lower)
            yield Row("baseline, power", design, baseline=True)


def _equal_plans(design: Design) -> Iterator[Row]:
    yield Row("equal", design)
    yield Row("equal, seeds alike", replace(design, spread=0.0))
    yield Row("equal, wide spread", replace(design, spread=0.5))
    yield Row("equal, correlated", replace(design, spread=0.3, together=0.5))
    yield Row("equal, ceiling", replace(design, ceiling=True))
    yield Row("4 times the spread", replace(design, last_spread=0.6))
    yield Row("collapses", replace(design, collapses=True))


def quick_rows() -> tuple[Row, ...]:
    """Some rows that take no longer than a test may."""
    return (
        Row("equal", Design(seeds=5)),
        Row("equal", Design("entity F1", plans=6, seeds=3)),
        Row("4 times the spread", Design(plans=6, seeds=3, last_spread=0.6)),
        Row("collapses", Design(plans=2, seeds=5, collapses=True)),
        Row("until decided", Design(seeds=10), (3, 5, 10)),
        Row("margin", Design(seeds=10, sentences=800, lower=MARGINS["accuracy"])),
        Row("power", Design(seeds=5, lower=0.1)),
        Row("baseline", Design(plans=3, seeds=3, last_spread=0.0), baseline=True),
        Row("baseline", Design("entity F1", plans=2, last_spread=0.0), baseline=True),
    )


def main() -> None:
    """Run the rows that are missing in the file, and print the table."""
    arguments = _arguments()
    if arguments.quick:
        print(markdown([measured(each, arguments.trials) for each in quick_rows()]))
        return
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    done = _stored(arguments.output)
    wanted = (each for each in rows() if each.name.startswith(arguments.rows))
    for each in () if arguments.table else wanted:
        key = _key(each, arguments.trials)
        if key not in done:
            done[key] = measured(each, arguments.trials)
            with arguments.output.open("a", encoding="utf-8") as file:
                file.write(json.dumps(done[key]) + "\n")
    print(markdown(list(done.values())))


def measured(row: Row, trials: int) -> dict[str, Any]:
    """Simulates the trials of a row; the same row gives the same numbers."""
    draw = np.random.default_rng(0)
    size = row.design.plans * row.design.seeds * row.design.sentences
    batch = max(1, _VALUES_AT_ONCE // size)
    totals = np.zeros(4, dtype=np.int64)
    for start in range(0, trials, batch):
        counts = simulated_counts(row.design, min(batch, trials - start), draw)
        judge = judged_against_baseline if row.baseline else judged
        totals += judge(row, pseudo_values(counts)).sum(axis=1)
    names = ("called", "for_the_last", "found", "equivalent")
    shares = {name: int(total) / trials for name, total in zip(names, totals, strict=True)}
    return {"row": row.name, **asdict(row.design), "looks": row.looks, "trials": trials, **shares}


def judged(row: Row, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Judges trials: (4, trials), whether each share of `measured` counts it.

    values: (trials, plans, seeds, sentences).
    """
    plans, places = row.design.plans, np.arange(len(values))
    error = level_of_pair(ERROR, comb(plans, 2))
    lower = np.zeros(plans, dtype=np.bool_)  # the plans that are truly lower
    lower[-1] = row.design.collapses or row.design.lower > 0
    result = np.zeros((4, len(values)), dtype=np.bool_)
    for look, seeds in enumerate(row.all_looks, start=1):
        seen = values[:, :, :seeds]
        best = seen.mean(axis=(2, 3)).argmax(axis=1)
        differences = seen - seen[places, best][:, None]
        effect = differences.mean(axis=(2, 3))
        scale, freedom = standard_error(*variances(differences), seeds, row.design.sentences)
        reach = student(1 - level_of_look(row.all_looks[:look], error) / 2, freedom) * scale
        below = effect + reach < 0
        below[places, best] = False
        wrong = (below & ~lower).any(axis=1)
        result[0] |= wrong
        result[1] |= wrong & (best == plans - 1)
        result[2] |= below[:, -1]
        equivalent = np.abs(effect) + reach < MARGINS[row.design.metric]
        equivalent[places, best] = False
        result[3] |= equivalent[:, -1] | ((best == plans - 1) & equivalent.any(axis=1))
    return result


def judged_against_baseline(row: Row, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Like `judged`, for plans against the last one's first run."""
    plans = row.design.plans - 1
    error = level_of_pair(ERROR, plans)
    result = np.zeros((4, len(values)), dtype=np.bool_)
    for look, seeds in enumerate(row.all_looks, start=1):
        differences = values[:, :-1, :seeds] - values[:, -1:, :1]
        effect = differences.mean(axis=(2, 3))
        level = level_of_look(row.all_looks[:look], error)
        sentences = row.design.sentences
        reach = reach_by_part(*variances(differences), seeds, sentences, level)
        below, above = effect + reach < 0, effect - reach > 0
        wrong = below if row.design.lower > 0 else below | above
        result[0] |= wrong.any(axis=1)
        result[1] |= below.any(axis=1)
        result[2] |= above[:, 0]
        result[3] |= (np.abs(effect) + reach < MARGINS[row.design.metric])[:, 0]
    return result


def markdown(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table of measured rows."""
    columns = ("row", "metric", "plans", "seeds", "sentences", "lower", "looks", "trials")
    shares = ("called", "for_the_last", "found", "equivalent")
    names = [name.replace("_", " ") for name in (*columns, *shares)]
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * 2}{'--:|' * (len(names) - 2)}"]
    for each in rows:
        cells = [_cell(each[name]) for name in columns]
        cells += [f"{each[name]:.3f}" for name in shares]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)


def _key(row: Row, trials: int) -> str:
    described = {"row": row.name, **asdict(row.design), "looks": row.looks, "trials": trials}
    return json.dumps(described, sort_keys=True)


def _stored(file: Path) -> dict[str, dict[str, Any]]:
    if not file.exists():
        return {}
    found = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
    shares = ("called", "for_the_last", "found", "equivalent")
    return {
        json.dumps({k: v for k, v in row.items() if k not in shares}, sort_keys=True): row
        for row in found
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--rows", metavar="NAME", default="")
    parser.add_argument("--output", type=Path, default=_OUTPUT)
    return parser.parse_args()


if __name__ == "__main__":
    main()
