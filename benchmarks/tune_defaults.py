"""Searches the default learning rates of the scenarios on the validation split.

    python benchmarks/tune_defaults.py [--workers 2] [--trials FILE] [--table]
                                       [--scenarios heads-only,full] [--seeds 100,101]

Every scenario has the same number of trials: nine pairs of rates (`GRIDS`), then three around the
best of them (`around_the_best`), each with the same seeds. A trial is one whole run. It is written
to --trials, a file of JSON lines, as soon as it has finished; trials that are in the file are
skipped, so an interrupted search is continued by the same command. --table prints what the file
has and runs nothing.

The trials read a copy of the data without its test files, so nothing can be chosen by them. Their
seeds are not among those of the comparisons that judge plans. The score of a trial is the mean of
the tasks' main metrics on the validation split. `choice` picks the rates.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from statistics import fmean, median, variance
from threading import Thread
from time import perf_counter, sleep
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).parent.parent))
from mtl_core.file_access import ANY_FILE
from mtl_core.freezing.rates import Rates, default_rates
from mtl_core.freezing.scenarios import scenario_kind, scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.checkpoint import Checkpoint, resolve_checkpoint
from mtl_core.models.description import BackboneDescription, ModelDescription
from mtl_core.settings import CACHE_BYTES, PREFIX_MEMORY_BYTES
from mtl_core.tasks.dataset import load_tasks, require_allowed_data
from mtl_core.training.environment import ENVIRONMENT

SCENARIOS = (
    *("heads-only", "gradual", "top-2", "lp-ft", "chain-thaw", "layernorm", "bitfit"),
    *("bottom-3", "ulmfit", "embeddings-frozen", "full", "discriminative"),
)
"""One of each kind, the cheapest first: `top-2` represents top-N, `bottom-3` bottom-N. The plan
of `freeze-head:TASK` is that of `full` without one head, and takes the rates of `full`."""

SEEDS = (100, 101)
"""No comparison of the included runs has these seeds."""

TRIALS = Path(__file__).with_name("tuning_trials.jsonl")

_MAX_LENGTH = 128
_WIDTH = 384
"""Of `minilm-l6`, for its default rates."""

_USUAL = tuple(Rates(*pair) for pair in product((1e-4, 3e-4, 1e-3), (1e-3, 3e-3, 1e-2)))
_SPARSE = tuple(Rates(*pair) for pair in product((1e-3, 3e-3, 1e-2), (1e-3, 3e-3, 1e-2)))
_HEADS_FIRST = tuple(Rates(*pair) for pair in product((1e-4, 3e-4, 1e-3), (3e-3, 1e-2, 3e-2)))
_HEADS_ALONE = (1e-3, 2e-3, 3e-3, 5e-3, 1e-2, 2e-2, 3e-2, 5e-2, 1e-1)

GRIDS: Mapping[str, tuple[Rates, ...]] = {
    "heads-only": tuple(Rates(3e-4, heads) for heads in _HEADS_ALONE),  # the encoder is frozen
    "layernorm": _SPARSE,
    "bitfit": _SPARSE,
    "lp-ft": _HEADS_FIRST,
    "chain-thaw": _HEADS_FIRST,
}
"""The first nine pairs of rates of a kind of scenario; `_USUAL` for all others. They were fixed
before the first trial, around the defaults of that day."""

_BEYOND = 3.0  # the factor between neighbours of most grids


@dataclass(frozen=True)
class Trial:
    """One run of a scenario with given rates."""

    scenario: str
    encoder: float
    heads: float
    seed: int
    checkpoint: str = "minilm-l6"
    data: str = "sample"
    epochs: float = 3.0

    @property
    def rates(self) -> Rates:
        """The rates of the trial."""
        return Rates(self.encoder, self.heads)


@dataclass(frozen=True)
class Finished:
    """A finished trial; `scores` are the tasks' main metrics on the validation split."""

    trial: Trial
    scores: Mapping[str, float]
    seconds: float

    @property
    def score(self) -> float:
        """The mean over the tasks."""
        return fmean(self.scores.values())


@dataclass(frozen=True)
class Candidate:
    """A pair of rates of a scenario, with the scores of its seeds."""

    rates: Rates
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean over the seeds."""
        return fmean(self.scores)


def main() -> None:
    """Run the trials that the file lacks and print the table."""
    arguments = _arguments()
    file = Path(arguments.trials)
    first = list(
        planned(
            arguments.scenarios.split(","),
            [int(seed) for seed in arguments.seeds.split(",")],
            checkpoint=arguments.checkpoint,
            data=arguments.data,
            epochs=arguments.epochs,
        )
    )
    if not arguments.table:
        search(first, file, arguments.workers)
    trials = [*first, *refined(read(file), first)]
    if not arguments.table:
        search(trials, file, arguments.workers)
    print(markdown(of_trials(read(file), trials), trials))


def planned(
    scenarios: Iterable[str], seeds: Sequence[int] = SEEDS, points: int = 9, **values: Any
) -> Iterator[Trial]:
    """All trials of these scenarios, each with the first `points` pairs of its grid."""
    for scenario in scenarios:
        for rates in GRIDS.get(scenario_kind(scenario)[0], _USUAL)[:points]:
            for seed in seeds:
                yield Trial(scenario, rates.encoder, rates.heads, seed, **values)


def refined(finished: Sequence[Finished], trials: Sequence[Trial]) -> Iterator[Trial]:
    """The trials around the best rates of each scenario whose `trials` have all finished."""
    scores = {each.trial for each in finished}
    for scenario in dict.fromkeys(each.scenario for each in trials):
        own = [each for each in trials if each.scenario == scenario]
        if not scores.issuperset(own):
            continue
        for rates in around_the_best(candidates(finished, own)):
            for seed in dict.fromkeys(each.seed for each in own):
                yield replace(own[0], encoder=rates.encoder, heads=rates.heads, seed=seed)


def around_the_best(grid: Sequence["Candidate"]) -> tuple[Rates, ...]:
    """Three more pairs of rates, around the pair of a grid with the highest mean.

    Each rate gets a second value: three times or a third of it if it is at the edge of the grid,
    otherwise the geometric mean of it and of its better neighbour. The three pairs are those with
    a second value. If the grid has one rate of the encoder, the heads get three values: one
    towards either neighbour, and one beyond the grid.
    """
    best = max(grid, key=lambda each: each.mean).rates
    encoders = {each.rates.encoder: each.mean for each in grid if each.rates.heads == best.heads}
    heads = {each.rates.heads: each.mean for each in grid if each.rates.encoder == best.encoder}
    if len(encoders) == 1:
        beyond = max(heads) * _BEYOND ** (2 if best.heads == max(heads) else 1)
        rates = (*_neighbours(best.heads, heads), beyond)
        return tuple(Rates(best.encoder, _rounded(rate)) for rate in rates)
    encoder, head = _second(best.encoder, encoders), _second(best.heads, heads)
    return Rates(encoder, best.heads), Rates(best.encoder, head), Rates(encoder, head)


def _second(rate: float, means: Mapping[float, float]) -> float:
    """A second value of a rate, whose `means` are those of all its values in the grid."""
    if rate in (max(means), min(means)):
        return _rounded(rate * _BEYOND if rate == max(means) else rate / _BEYOND)
    rates = sorted(means)
    place = rates.index(rate)
    better = max(rates[place - 1], rates[place + 1], key=means.__getitem__)
    return _rounded((rate * better) ** 0.5)


def _neighbours(rate: float, means: Iterable[float]) -> tuple[float, float]:
    """A value below and one above a rate, towards its neighbours in the grid or beyond it."""
    rates = sorted(means)
    place = rates.index(rate)
    lower = rates[place - 1] if place else rate / _BEYOND**2
    upper = rates[place + 1] if place + 1 < len(rates) else rate * _BEYOND**2
    return (rate * lower) ** 0.5, (rate * upper) ** 0.5


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")


def search(trials: Sequence[Trial], file: Path, workers: int = 1) -> None:
    """Run the trials that `file` lacks, `workers` at once, and append each to it."""
    known = {each.trial for each in read(file)}
    missing = [trial for trial in trials if trial not in known]
    with tempfile.TemporaryDirectory() as folder:
        data = {name: without_test(name, Path(folder)) for name in {t.data for t in missing}}
        job = partial(_run_on, data, Path(folder) / "outputs")
        for count, done in enumerate(_results(job, missing, workers), 1):
            append(file, done)
            print(f"{count} of {len(missing)}: {done}", file=sys.stderr, flush=True)


def _run_on(data: Mapping[str, Path], cache: Path, trial: Trial) -> Finished:
    return run(trial, str(data[trial.data]), cache)


def _results(
    job: Callable[[Trial], Finished], trials: Sequence[Trial], workers: int
) -> Iterator[Finished]:
    """Yield each trial as soon as it has finished. One worker is this process itself."""
    if workers == 1:
        yield from map(job, trials)
        return
    os.environ.update({**ENVIRONMENT, "OMP_NUM_THREADS": "1"})
    with ProcessPoolExecutor(workers, get_context("spawn"), _end_with, (os.getpid(),)) as pool:
        for done in as_completed([pool.submit(job, each) for each in trials]):
            yield done.result()


def _end_with(parent: int) -> None:
    """End this worker as soon as the process `parent` has ended, also if it was killed."""

    def watch() -> None:
        while os.getppid() == parent:
            sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()


def run(trial: Trial, data: str, cache: Path) -> Finished:
    """Run one trial on `data`, which has no test split; `cache` is for outputs of frozen layers."""
    from mtl_core.models.trained_vector import trained_sentence_vector
    from mtl_core.training.events import RunFinished
    from mtl_core.training.prefix.store import PrefixStore
    from mtl_core.training.prepare import prepare_spec
    from mtl_core.training.run import fine_tune

    checkpoint = resolve_checkpoint(trial.checkpoint, ANY_FILE)
    tasks, vector = load_tasks(data, ANY_FILE), trained_sentence_vector(checkpoint)
    model = ModelDescription(_described(checkpoint), tasks, vector)
    spec = prepare_spec(
        model,
        scenario_plan(trial.scenario, model, trial.rates),
        checkpoint=trial.checkpoint,
        scenario=trial.scenario,
        data=data,
        epochs=trial.epochs,
        max_length=min(_MAX_LENGTH, model.backbone.max_positions or _MAX_LENGTH),
        seed=trial.seed,
        measure=False,
    )
    began = perf_counter()
    store = PrefixStore(cache, CACHE_BYTES, PREFIX_MEMORY_BYTES)
    *_, last = fine_tune(spec, "trial", prefixes=store)
    assert isinstance(last, RunFinished), last
    found = {task: score.headline for task, score in last.validation.items()}
    scores = {task: score for task, score in found.items() if score is not None}
    return Finished(trial, scores, perf_counter() - began)


def _described(checkpoint: Checkpoint) -> BackboneDescription:
    if checkpoint.entry is not None:
        return read_description(shipped_description(checkpoint.entry))
    from mtl_core.models.describe import describe

    return describe(checkpoint)


def without_test(reference: str, folder: Path) -> Path:
    """Copy the training and validation files of data into `folder`; the path of the manifest."""
    manifest = require_allowed_data(reference, ANY_FILE)
    copy = folder / f"data-{len(list(folder.iterdir()))}"
    tasks = yaml.safe_load(manifest.read_text(encoding="utf-8"))["tasks"]
    for task in tasks.values():
        task.pop("test", None)
        for split in ("train", "validation"):
            (copy / task[split]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(manifest.parent / task[split], copy / task[split])
    text = yaml.safe_dump({"tasks": tasks}, sort_keys=False)  # the order of tasks matters to a run
    (copy / manifest.name).write_text(text, encoding="utf-8")
    return copy / manifest.name


def append(file: Path, done: Finished) -> None:
    """Add a trial to the file. A line that an interruption cut off is ended first."""
    cut = file.exists() and file.stat().st_size and not file.read_bytes().endswith(b"\n")
    seconds = round(done.seconds, 2)
    line = json.dumps({**asdict(done.trial), "scores": done.scores, "seconds": seconds})
    with file.open("a", encoding="utf-8") as lines:
        lines.write("\n" * bool(cut) + f"{line}\n")


def read(file: Path) -> list[Finished]:
    """The finished trials of a file; none if it does not exist. A line cut off is left out."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            values = json.loads(line)
        except ValueError:
            continue
        scores, seconds = values.pop("scores"), values.pop("seconds")
        found.append(Finished(Trial(**values), scores, seconds))
    return found


def of_trials(finished: Sequence[Finished], trials: Sequence[Trial]) -> list[Finished]:
    """The finished ones of `trials`."""
    return [each for each in finished if each.trial in set(trials)]


def candidates(finished: Sequence[Finished], trials: Sequence[Trial]) -> list[Candidate]:
    """The pairs of rates of one scenario's `trials` for which every seed has finished."""
    scores = {each.trial: each.score for each in finished}
    by_rates: dict[Rates, list[Trial]] = {}
    for trial in trials:
        by_rates.setdefault(trial.rates, []).append(trial)
    return [
        Candidate(rates, tuple(scores[trial] for trial in own))
        for rates, own in by_rates.items()
        if all(trial in scores for trial in own)
    ]


def standard_error(found: Sequence[Candidate]) -> float:
    """The standard error of a candidate's mean over its seeds.

    Two seeds show little of the spread of one pair of rates, so all pairs of the scenario give it
    together: by their median variance, because a rate that is too high spreads far more.
    """
    if len(found[0].scores) < 2:
        return 0.0
    return float((median(variance(each.scores) for each in found) / len(found[0].scores)) ** 0.5)


def choice(found: Sequence[Candidate]) -> Candidate:
    """The lowest rates whose mean is within one standard error of the highest mean.

    The encoder's rate is compared first, then that of the heads. This is the rule of one standard
    error (Breiman et al. 1984, section 3.4.3), with the lower rate as the simpler one.
    """
    least = max(each.mean for each in found) - standard_error(found)
    good = [each for each in found if each.mean >= least]
    return min(good, key=lambda each: (each.rates.encoder, each.rates.heads))


def markdown(finished: Sequence[Finished], trials: Sequence[Trial]) -> str:
    """A table with one row per scenario, and one of all pairs of rates."""
    by_scenario: dict[str, list[Trial]] = {}
    for trial in trials:
        by_scenario.setdefault(trial.scenario, []).append(trial)
    rows, pairs = [], []
    for scenario, own in by_scenario.items():
        found = candidates(finished, own)
        done = sum(each.trial.scenario == scenario for each in finished)
        complete = done == len(own)
        rows.append(_row(scenario, found, f"{done} of {len(own)}", complete))
        chosen = choice(found) if complete else None
        pairs += [_pair(scenario, each, each == chosen) for each in found]
    head = "| scenario | trials | default: encoder / heads | chosen: encoder / heads |"
    head += " its score | highest score | standard error |\n|---|--:|--:|--:|--:|--:|--:|"
    every = "| scenario | encoder | heads | score by seed | mean | |\n|---|--:|--:|--:|--:|---|"
    return "\n".join([head, *rows, "", every, *pairs])


def _row(scenario: str, found: Sequence[Candidate], trials: str, complete: bool) -> str:
    default = default_rates(scenario_kind(scenario)[0], _WIDTH)
    cells = [scenario, trials, f"{default.encoder:g} / {default.heads:g}"]
    if complete:
        chosen = choice(found)
        cells.append(f"{chosen.rates.encoder:g} / {chosen.rates.heads:g}")
        highest = max(each.mean for each in found)
        cells += [f"{each:.4f}" for each in (chosen.mean, highest, standard_error(found))]
    else:
        cells += ["not finished", "", "", ""]
    return f"| {' | '.join(cells)} |"


def _pair(scenario: str, each: Candidate, is_chosen: bool) -> str:
    scores = ", ".join(f"{score:.4f}" for score in each.scores)
    rates = f"{each.rates.encoder:g} | {each.rates.heads:g}"
    return f"| {scenario} | {rates} | {scores} | {each.mean:.4f} | {'chosen' * is_chosen} |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--checkpoint", default="minilm-l6")
    parser.add_argument("--data", default="sample")
    parser.add_argument("--epochs", type=float, default=3.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", default=str(TRIALS))
    parser.add_argument("--table", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
