"""The imports of a training process."""

import subprocess
import sys

IMPORT = """
import gc, sys
from mtl_core.training.imports import import_training_packages
assert "torch" not in sys.modules
import_training_packages(encoders=False)
assert not {"transformers.modeling_utils", "torch._dynamo", "scipy"} & set(sys.modules)
import_training_packages()
frozen = gc.get_freeze_count()
import_training_packages()
print(gc.isenabled(), frozen > 100_000, gc.get_freeze_count() == frozen)
print({"torch", "transformers"} <= set(sys.modules))
before = set(sys.modules)
from mtl_core.training.run import fine_tune
print(set(sys.modules) == before and not {"sklearn", "seqeval"} & set(sys.modules))
"""


def test_the_packages_are_imported_once_and_their_objects_are_not_collected_again() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"] * 5
