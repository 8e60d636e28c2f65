"""A chain of runs in words: a row for each stage, and what became of what was learned earlier."""

from mtl_core.analysis.chain import Chain, Stage, TaskInStage
from mtl_core.analysis.words import listed
from mtl_core.freezing.titles import task_title
from mtl_core.report.data_words import within

_PHASES_NAMED = 3
_UNKNOWN = "–"


def chain_title(chain: Chain) -> str:
    """`This run is stage 2: it goes on from 261124-0655-heads-only-3f9a`."""
    stages = chain.stages
    before = stages[-2].run if len(stages) > 1 else chain.gone
    number = f" is stage {len(stages)}: it" if len(stages) > 1 and chain.gone is None else ""
    return f"This run{number} goes on from {before}"


def chain_rows(chain: Chain) -> list[dict[str, str]]:
    """One row a stage: its run, what it let learn, each task at its start and end."""
    return [_row(stage, chain) for stage in chain.stages]


def chain_lines(chain: Chain) -> tuple[str, ...]:
    """What the rows come to: backward transfer, or why there is none, and a run that is gone."""
    lines = []
    if chain.transfers:
        lines.append(_transfer(chain))
        taught = [within(each.task.name) for each in chain.transfers if each.taught_since]
        if taught:
            lines.append(
                f"With its head frozen, the loss of {listed(taught)} went on to teach the encoder: "
                "the change is not what the other tasks did to it alone. A task weight of 0 in the "
                "plan leaves a loss out."
            )
    elif not chain.same_sentences:
        lines.append(
            "No backward transfer is told: the stages were scored on other sentences, or cut them "
            "at another length."
        )
    if chain.gone is not None:
        lines.append(f"Run {chain.gone}, from which the first of these goes on, is no longer here.")
    return tuple(lines)


def _row(stage: Stage, chain: Chain) -> dict[str, str]:
    this = stage is chain.stages[-1]
    row = {
        "Stage": str(stage.number),
        "Run": f"{stage.run} (this run)" if this else stage.run,
        "Learned": _learned(stage),
    }
    for task in chain.tasks:
        found = stage.task(task.name)
        column = f"{task_title(task.name)} {found.metric}" if found else task_title(task.name)
        row[column] = _ends(found) if found else _UNKNOWN
    return row


def _learned(stage: Stage) -> str:
    """Up to three phases by name, of more the first and the last."""
    names = stage.learning
    if len(names) > _PHASES_NAMED:
        names = (names[0], f"… ({len(names)} phases)", names[-1])
    return ", then ".join(names) or _UNKNOWN


def _ends(found: TaskInStage) -> str:
    before, after = (
        _UNKNOWN if each is None else f"{each:.3f}" for each in (found.before, found.after)
    )
    if found.trained is not False:
        return f"{before} → {after}"
    return f"{before} → {after}, {'head frozen' if found.teaches else 'not trained'}"


def _transfer(chain: Chain) -> str:
    each = [
        f"{within(found.task.name)} {found.metric} {_signed(found.change)} since stage "
        f"{found.trained_in}"
        for found in chain.transfers
    ]
    mean = chain.backward_transfer
    over = f"; mean {_signed(mean)}" if mean is not None and len(each) > 1 else ""
    so_far = "" if chain.ended else " so far"
    return (
        f"Backward transfer{so_far}, the change since the stage that last trained a task's head: "
        f"{listed(each)}{over}."
    )


def _signed(change: float) -> str:
    """With its sign, a true minus; nothing at all is 0.000."""
    return f"{change:+.3f}".replace("-", "\N{MINUS SIGN}") if round(change, 3) else "0.000"
