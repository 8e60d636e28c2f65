"""Runs that are trained together, beside the same runs alone."""

import pytest

from mtl_core.training.together.member import Member
from mtl_core.training.together.run import fine_tune_together


@pytest.fixture
def together():
    """The events of each run by its id; runs are called "0", "1" and so on."""

    def run(specs, outputs=(), **options):
        members = [
            Member(str(n), spec, outputs[n] if n < len(outputs) else None)
            for n, spec in enumerate(specs)
        ]
        found = {member.run: [] for member in members}
        for name, event in fine_tune_together(members, **options):
            found[name].append(event)
        return list(found.values())

    return run
