"""Draws the learning rates of each scenario: `.venv/bin/python docs/pictures/rates.py`."""

import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from mtl_core.charts.rates import schedule_figure  # noqa: E402
from mtl_core.charts.theme import LIGHT  # noqa: E402
from mtl_core.freezing.resolve import parameter_tables  # noqa: E402
from mtl_core.freezing.scenarios import scenario_plan  # noqa: E402
from mtl_core.models.cache import read_description, shipped_description  # noqa: E402
from mtl_core.models.description import ModelDescription  # noqa: E402
from mtl_core.tasks.task import DEFAULT_TASKS  # noqa: E402

SCENARIOS = (
    *("heads-only", "top-1", "bottom-1", "bitfit", "layernorm", "embeddings-frozen"),
    *("full", "discriminative", "gradual", "lp-ft", "ulmfit", "chain-thaw"),
)
EPOCHS = 3.0
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 16px; background: #fff; color: #1b1f24; font: 600 15px "Source Sans", sans-serif }}
main {{ display: grid; grid-template-columns: repeat(3, 1fr); gap: 14px 24px }}
</style><main>{figures}</main>"""


def main() -> None:
    """Write twelve figures, three in a row, as one picture."""
    model = ModelDescription(read_description(shipped_description("minilm-l6")), DEFAULT_TASKS)
    parts = []
    for number, name in enumerate(SCENARIOS):
        tables = parameter_tables(scenario_plan(name, model), model)
        figure = schedule_figure(tables, EPOCHS, LIGHT).to_html(
            full_html=False, include_plotlyjs=number == 0, config={"displayModeBar": False}
        )
        parts.append(f"<section>{name}{figure}</section>")
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_content(PAGE.format(figures="".join(parts)))
        page.wait_for_function(
            f"document.querySelectorAll('.js-plotly-plot .main-svg').length >= {len(SCENARIOS)}"
        )
        page.screenshot(path=ROOT / "docs" / "pictures" / "rates.png", full_page=True)
        browser.close()


if __name__ == "__main__":
    main()
