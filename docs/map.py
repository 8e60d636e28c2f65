"""Write the map of the tree into the README: each file with the first line of its docstring.

`.venv/bin/python docs/map.py`; with --check it only says whether the map is true.
"""

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
_WIDTH = 28  # of the column of names: the longest and a space
BEGIN, END = "<!-- map -->\n", "<!-- end of map -->\n"
ROOMS = (
    *("ui", "cli", "export", "charts", "lessons", "analysis", "engine", "store", "training"),
    *("freezing", "models", "tasks"),
)
OTHERS = {
    "tests/": "the same rooms, and `browser/` for a real Chromium",
    "benchmarks/": "scripts that make the figures of this page",
    "docs/": "decisions, storage, log, pictures",
}


def main() -> int:
    """Write the map, or with --check compare it; the exit code."""
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}{tree()}{END}{after}"
    if "--check" in sys.argv:
        return int(text != wanted)
    readme.write_text(wanted, encoding="utf-8")
    return 0


def tree() -> str:
    """The map as a text block, in the order in which rooms may import each other."""
    lines = [_line("app.py", ROOT / "app.py", 0), "pages/"]
    lines += [_line(page.name, page, 1) for page in sorted((ROOT / "pages").glob("*.py"))]
    core = ROOT / "mtl_core"
    lines += [f"{'mtl_core/':<{_WIDTH}}each room imports only from rooms below it"]
    for room in ROOMS:
        lines.append(_line(f"{room}/", core / room / "__init__.py", 1))
        files = sorted((core / room).glob("*.py"))
        lines += [_line(each.name, each, 2) for each in files if each.name != "__init__.py"]
    files = sorted(core.glob("*.py"))
    lines += [_line(each.name, each, 1) for each in files if not each.name.startswith("__")]
    lines += [f"{name:<{_WIDTH}}{what}" for name, what in OTHERS.items()]
    return "\n".join(["```", *lines, "```", ""])


def _line(name: str, file: Path, depth: int) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    gloss = docstring.split("\n\n")[0].replace("\n", " ").split(". ")[0].rstrip(".")
    return f"{'  ' * depth}{name:<{_WIDTH - 2 * depth}}{gloss}"


if __name__ == "__main__":
    sys.exit(main())
