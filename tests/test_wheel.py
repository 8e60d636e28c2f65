"""The wheel: what is in it, and that it works where the source tree is not."""

import os
import signal
import socket
import subprocess
import sys
import sysconfig
import venv
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from typing import NamedTuple
from zipfile import ZipFile

import pytest

from mtl_core import __version__

ROOT = Path(__file__).parents[1]
PAGES = """
from pathlib import Path
from streamlit.testing.v1 import AppTest
import mtl_core
from mtl_core.app_files import app_folder

assert Path(mtl_core.__file__).is_relative_to({site!r}), mtl_core.__file__
app = AppTest.from_file(str(app_folder() / "app.py"), default_timeout=120)
for page in ("guide", "data"):
    app.switch_page(f"pages/{{page}}.py").run()
    assert not app.exception, app.exception
    print(next(each.value for each in app.markdown if each.value.startswith("# ")))
app.button(key="train_data").click().run()  # calls st.switch_page("pages/train.py")
assert not app.exception, app.exception
assert app.button(key="start")
"""


class Installed(NamedTuple):
    """An environment with the wheel, and an empty folder to work in."""

    bin: Path
    site: Path
    folder: Path

    def environment(self) -> dict[str, str]:
        own = {"PYTHONPATH", "VIRTUAL_ENV"}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in own and not name.startswith(("FREEZE_LAB", "STREAMLIT"))
        }
        return kept | {"HOME": str(self.folder), "HF_HUB_OFFLINE": "1"}

    def output(self, *command: object) -> str:
        done = subprocess.run(
            [str(self.bin / str(command[0])), *map(str, command[1:])],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"),
            *("--no-build-isolation", "--wheel-dir", str(folder), str(ROOT)),
        ],
        check=True,
    )
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A fresh environment that holds the wheel and borrows everything else from this one."""
    place = tmp_path_factory.mktemp("environment")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    (site,) = place.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"),
            *("--no-deps", "--no-index", "--no-compile", str(wheel)),
        ],
        check=True,
    )
    return Installed(place / "bin", site, tmp_path_factory.mktemp("elsewhere"))


def test_it_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {
        "mtl_core",
        f"freeze_lab-{__version__}.dist-info",
    }
    assert not [name for name in names if name.endswith(".pyc")]


def test_every_file_of_the_package_and_the_dashboard_is_in_it(wheel: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "mtl_core", "app.py", "pages", "static", ".streamlit"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    tracked = {name for name in listed.stdout.splitlines() if (ROOT / name).exists()}
    expected = {
        name if name.startswith("mtl_core/") else f"mtl_core/dashboard/{name}" for name in tracked
    }

    assert "mtl_core/dashboard/app.py" in expected
    assert expected - set(ZipFile(wheel).namelist()) == set()


def test_its_dependencies_are_those_of_requirements_txt(wheel: Path) -> None:
    (metadata,) = (name for name in ZipFile(wheel).namelist() if name.endswith("/METADATA"))
    lines = ZipFile(wheel).read(metadata).decode().splitlines()
    found = {line.removeprefix("Requires-Dist: ") for line in lines if "Requires-Dist" in line}
    extras = {
        f"{pins(f'requirements-{extra}.txt')[0]}; extra == '{extra}'"
        for extra in ("ray", "submitit", "mlflow", "tensorboard")
    }

    assert found == {*pins("requirements.txt"), *extras}


def pins(file: str) -> list[str]:
    """The requirements in a file, as the metadata of a wheel have them."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    stripped = (line.split("#")[0].strip().lower().replace("_", "-") for line in lines)
    return [pin for pin in stripped if pin]


def test_the_command_works_in_another_folder(installed: Installed) -> None:
    assert installed.output("freeze-lab", "--version").strip() == __version__
    assert "Usage: freeze-lab [OPTIONS]" in installed.output("freeze-lab", "--help")
    assert "gradual" in installed.output("freeze-lab", "scenarios")
    assert list(installed.folder.glob("*.py")) == []


def test_its_pages_open(installed: Installed) -> None:
    headings = installed.output("python", "-c", PAGES.format(site=str(installed.site)))

    assert len(headings.splitlines()) == 2


def test_the_dashboard_is_served_with_its_files(installed: Installed) -> None:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    server = subprocess.Popen(
        [str(installed.bin / "freeze-lab"), "serve", "--port", str(port)],
        cwd=installed.folder,
        env=installed.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = monotonic() + 60
    try:
        while response(port, "/_stcore/health")[0] != 200:
            assert server.poll() is None, "the server ended"
            assert monotonic() < deadline, "the server does not answer"
            sleep(0.1)
        got = {
            path: response(port, path)
            for path in ("/", "/train", "/app/static/icon.svg", "/app/static/plotly.min.js")
        }
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)

    assert {path: status for path, (status, _) in got.items()} == dict.fromkeys(got, 200)
    assert b"<svg" in got["/app/static/icon.svg"][1]
    assert b"plotly.js" in got["/app/static/plotly.min.js"][1][:200]


def response(port: int, path: str) -> tuple[int, bytes]:
    """The status and the body; status 0 while nobody listens."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()
