"""A server for a test to kill: starts a run that never ends and prints its trainer's process id."""

import sys
import time
from pathlib import Path

from mtl_core.engine.lab import Lab
from mtl_core.settings import Settings
from mtl_core.training.spec import RunSpec

home, trainer, *specs = sys.argv[1:]
lab = Lab(Settings(home=Path(home), threads=1), trainer_argv=[sys.executable, trainer]).open()
runs = [lab.start(RunSpec.model_validate_json(spec)).id for spec in specs]
while lab.store.run(runs[0]).last_event < 2:
    time.sleep(0.01)
_, began = lab.store.events(runs[0])[0]
print(*runs, began.notes[1], flush=True)
time.sleep(600)
