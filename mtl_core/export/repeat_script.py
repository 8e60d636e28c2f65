"""The shell scripts of a bundle: they find Freeze Lab, and start its command `repeat`."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtl_core import __version__
from mtl_core.report.needed import Needed, NeededData
from mtl_core.text import visible
from mtl_core.training.spec import RunSpec

_FIND_AND_START = Path(__file__).with_name("repeat.sh").read_text(encoding="utf-8")
_SHIPPED = "Its data and checkpoints come with Freeze Lab, or have an id on the hub."
_MISSING = "Not in this bundle; before anything is trained, the script lists what it does not find:"


@dataclass(frozen=True, slots=True)
class Repeated:
    """What a script repeats: `title` is "run 261124-…", with the specs of the runs.

    `earlier` are the ids of the runs that are trained first. `command` trains the same without the
    script. `options` are those of `repeat`.
    """

    title: str
    specs: Sequence[RunSpec]
    command: str
    earlier: Sequence[str] = ()
    options: Sequence[str] = ()


def repeat_script(
    repeated: Repeated, included: Sequence[Needed] = (), missing: Sequence[Needed] = ()
) -> str:
    """Builds a script for `sh`. Its comments list which files are in the bundle, and which not."""
    made_with = _versions(repeated.specs)
    earlier = ", ".join(repeated.earlier)
    lines = [
        f"Repeats {repeated.title}, and compares the losses with those of this bundle.",
        "Options are passed on, for instance --output DIR; --help lists them.",
        f"Made with {made_with}.",
        *([f"First it trains again what it starts from: {earlier}."] if earlier else []),
        *([] if included or missing else [_SHIPPED]),
        *(["In this bundle:", *map(_item, included)] if included else []),
        *([_MISSING, *map(_item, missing)] if missing else []),
        "The same training as a command, in the folder of Freeze Lab:",
        *repeated.command.splitlines(),
    ]
    comments = [f"# {line}" for text in lines for line in visible(text).splitlines()]
    options = [f'set -- {shlex.join(repeated.options)} "$@"'] if repeated.options else []
    needs = f"made_with={shlex.quote(made_with)}"
    return "\n".join(["#!/bin/sh", *comments, *options, needs, _FIND_AND_START])


def _versions(specs: Iterable[RunSpec]) -> str:
    """The versions that the runs recorded; that of this installation if none has started."""
    versions = next((each.versions for each in specs if each.versions), {})
    names = {"freeze-lab": "Freeze Lab", "python": "Python", "torch": "torch"}
    known = {"freeze-lab": __version__} | versions
    return ", ".join(f"{name} {known[key]}" for key, name in names.items() if key in known)


def _item(needed: Needed) -> str:
    return f"- {'data' if isinstance(needed, NeededData) else 'checkpoint'} {needed.words}"
