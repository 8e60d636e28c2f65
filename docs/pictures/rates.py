"""The learning rates of each scenario over a run, as one picture."""

from pathlib import Path

from playwright.sync_api import Browser

from docs.pictures.saving import save
from mtl_core.charts.rates import schedule_figure
from mtl_core.charts.theme import LIGHT
from mtl_core.freezing.resolve import parameter_tables
from mtl_core.freezing.scenarios import scenario_plan
from mtl_core.models.cache import read_description, shipped_description
from mtl_core.models.description import ModelDescription
from mtl_core.tasks.task import DEFAULT_TASKS

SCENARIOS = (
    *("heads-only", "top-1", "bottom-1", "bitfit", "layernorm", "embeddings-frozen"),
    *("full", "discriminative", "gradual", "lp-ft", "ulmfit", "chain-thaw"),
)
EPOCHS = 3.0
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 16px; background: #fff; color: #1b1f24; font: 600 15px "Source Sans", sans-serif }}
main {{ display: grid; grid-template-columns: repeat(3, 1fr); gap: 14px 24px }}
</style><main>{figures}</main>"""


def take_rates(browser: Browser, file: Path) -> None:
    """Take twelve figures, three in a row."""
    model = ModelDescription(read_description(shipped_description("minilm-l6")), DEFAULT_TASKS)
    parts = []
    for number, name in enumerate(SCENARIOS):
        tables = parameter_tables(scenario_plan(name, model), model)
        figure = schedule_figure(tables, EPOCHS, LIGHT).to_html(
            full_html=False, include_plotlyjs=number == 0, config={"displayModeBar": False}
        )
        parts.append(f"<section>{name}{figure}</section>")
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_content(PAGE.format(figures="".join(parts)))
    page.wait_for_function(
        f"document.querySelectorAll('.js-plotly-plot .main-svg').length >= {len(SCENARIOS)}"
    )
    save(file, page.screenshot(full_page=True))
    page.close()
