"""A PostgreSQL server of the tests' own, in a temporary folder."""

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from select import select
from shutil import chown, which
from tempfile import TemporaryDirectory
from typing import Any

import psycopg

USER = "freezelab"
_START_SECONDS = 60


class PostgresServer:
    """A server that listens on a port of this machine. It refuses to run as root."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder, self._port = folder, port
        self._account: dict[str, Any] = {}
        if os.getuid() == 0:  # Debian's package adds this user
            self._account = {"user": "postgres", "group": "postgres", "extra_groups": []}
            chown(folder, "postgres", "postgres")
        self._run(
            "initdb", "-U", USER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"
        )

    def url(self, database: str) -> str:
        """The value of FREEZE_LAB_DATABASE_URL for a database."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/{database}"

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement outside of a transaction; its rows."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        options = f"-p {self._port} -k '' -c listen_addresses=127.0.0.1 -c max_connections=200"
        self._run(
            *("pg_ctl", "-w", "-t", str(_START_SECONDS), "-l", str(self._folder / "log")),
            *("-o", options, "start"),
        )

    def stop(self) -> None:
        """Stop the server as an administrator would; it ends open connections."""
        self._run("pg_ctl", "-w", "-m", "fast", "stop")

    def kill(self) -> None:
        """Kill the server and the processes of its connections, as a power failure would."""
        pid = int((self._data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (pid, *map(int, children)):
            ended = os.pidfd_open(each)
            os.kill(each, signal.SIGKILL)
            select([ended], [], [])
            os.close(ended)
        (self._data / "postmaster.pid").unlink()  # of a zombie until the system reaps it

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [str(_programs() / program), "-D", str(self._data), *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=self._folder,
            **self._account,
        )


def _programs() -> Path:
    """The folder of PostgreSQL's programs; Debian does not put it on the PATH."""
    if (found := which("initdb")) is not None:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: int(it.parent.name))


@contextmanager
def postgresql_server() -> Iterator[PostgresServer]:
    """A running server that ends with the context."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with TemporaryDirectory(prefix="postgresql-", ignore_cleanup_errors=True) as folder:
        server = PostgresServer(Path(folder), port)
        server.start()
        try:
            yield server
        finally:
            server.stop()
