"""The scripts outside the package: benchmarks and pictures."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPTS = [*(ROOT / "benchmarks").glob("*.py"), *(ROOT / "docs").rglob("*.py")]
IMPORT_ALL = """
import runpy, sys
sys.path.insert(0, ".")
for script in sys.argv[1:]:
    runpy.run_path(script, run_name="imported")
"""


def test_every_script_finds_what_it_imports() -> None:
    assert len(SCRIPTS) > 10
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, *map(str, sorted(SCRIPTS))],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
