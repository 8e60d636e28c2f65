"""A visit to a page without a browser, and what is read there."""

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

from mtl_core.ui.shared.keys import Key

ONE_VISITOR = "1" * 32
APP = str(Path(__file__).parents[1] / "app.py")

# Every AppTest would read the metadata of all installed distributions, which takes half a second.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


def visited(page: str, **query: str) -> AppTest:
    """The page `pages/PAGE.py` as a visitor of this address sees it; always the same visitor."""
    app = AppTest.from_file(APP, default_timeout=120)
    app.session_state[Key.VISITOR] = ONE_VISITOR
    for name, value in query.items():
        app.query_params[name] = value
    app.switch_page(f"pages/{page}.py").run()
    assert not app.exception
    return app


def heading(app: AppTest) -> str:
    """The page's answer as it is read, without Markdown's escapes."""
    answer = next(each.value for each in app.markdown if each.value.startswith("# "))
    return str(answer.removeprefix("# ").replace("\\", ""))


def imported_by(script: str, *packages: str, **environment: str) -> list[str]:
    """Which of these packages a process of its own has imported when it has run `script`."""
    told = f"import sys\n{script}print(*(name for name in {packages!r} if name in sys.modules))\n"
    done = subprocess.run(
        [sys.executable, "-c", told],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=Path(APP).parent,
        env=os.environ | environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()
