"""The run store in a PostgreSQL database: its connections, locks and errors."""

from sqlalchemy import URL, Connection, create_engine, event, inspect, text
from sqlalchemy.orm import Session

from mtl_core.store.backend import WAIT_SECONDS, Found
from mtl_core.store.migrations import REVISION_TABLE

_WRITERS_LOCK = 0x46726565  # any number that other programs in the database do not use
_CONNECT_SECONDS = 5
_IDLE_SECONDS = 60
_CONNECTIONS = 5
_MORE_CONNECTIONS = 15  # for many browsers at the same moment; PostgreSQL allows 100 by default

_NOT_CONNECTED = "08"
_NO_RIGHT, _TOO_MANY = "42501", "53300"
_REMEDIES = {
    _NO_RIGHT: "Grant this user the right to create and change tables in that database.",
    _NOT_CONNECTED: "Check that the server runs, and that FREEZE_LAB_DATABASE_URL has the right "
    "host, user, password and database. Events of runs are stored once it is reached.",
    "53": "Free space on the server's disk, or allow more connections.",
    "55": "Another process has held its lock for {seconds:g} seconds: try again later.",
    "57": "The server is starting or shutting down: try again later.",
    "40": "Other processes changed the same rows: try again.",
}
"""What to do, by SQLSTATE or by its class, where the data are not damaged."""


class PostgresDatabase:
    """A PostgreSQL database that servers and workers of several machines use at the same time.

    `url` is that of SQLAlchemy. Readers never wait. A writer takes a lock of the whole store, which
    ends with its transaction.
    """

    damaged = (
        "Freeze Lab needs a database of its own: create an empty one and name it in "
        "FREEZE_LAB_DATABASE_URL."
    )

    def __init__(self, url: URL) -> None:
        self.place = url.render_as_string(hide_password=True)
        engine = create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_pre_ping=True,  # a connection from before a restart of the server is replaced
            pool_size=_CONNECTIONS,
            max_overflow=_MORE_CONNECTIONS,
            pool_timeout=WAIT_SECONDS,
            connect_args={
                "connect_timeout": _CONNECT_SECONDS,
                "application_name": "freeze-lab",
                "options": f"-c lock_timeout={1000 * WAIT_SECONDS:.0f}ms "
                # ends a lock that a lost machine left behind
                f"-c idle_in_transaction_session_timeout={_IDLE_SECONDS}s",
            },
        )
        event.listen(engine, "begin", _begin)
        self.reader = engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self.writer = engine.execution_options(writes=True)

    def found(self) -> Found:
        """What the database contains. Raises sqlalchemy.exc.DBAPIError if it is not reached."""
        with Session(self.reader) as session:
            tables = frozenset(inspect(session.connection()).get_table_names())
            schema = text("SELECT max(version) FROM schema")
            revision = text(f"SELECT max(version_num) FROM {REVISION_TABLE}")  # noqa: S608
            return Found(
                tables,
                session.scalar(schema) if "schema" in tables else None,
                session.scalar(revision) if REVISION_TABLE in tables else None,
            )

    def migrate_earlier(self, connection: Connection, version: int) -> None:
        """Nothing to do: the first schema of PostgreSQL is the first one that Alembic knows."""

    def remedy(self, problem: BaseException) -> str | None:
        """What to do about an error of PostgreSQL, or about a lost connection."""
        state = _state(problem)
        remedy = _REMEDIES.get(state) or _REMEDIES.get(state[:2])
        return None if remedy is None else remedy.format(seconds=WAIT_SECONDS)

    def needs_change(self, problem: BaseException) -> bool:
        """Whether the server is not reached, or refuses the user or the database."""
        return _state(problem).startswith((_NOT_CONNECTED, _NO_RIGHT))

    def is_damaged(self, problem: BaseException) -> bool:
        """Whether data of the database are damaged."""
        return _state(problem) in ("XX001", "XX002")

    def fault(self, session: Session) -> str | None:
        """None: PostgreSQL checks its pages when it reads them."""
        session.execute(text("SELECT 1"))
        return None

    def size_bytes(self, session: Session) -> int:
        """The size of the whole database."""
        return session.scalar(text("SELECT pg_database_size(current_database())")) or 0


def _state(problem: BaseException) -> str:
    """The SQLSTATE of an error. The driver reports none if a connection fails or is lost."""
    from psycopg import InterfaceError, OperationalError
    from sqlalchemy.exc import TimeoutError as NoConnectionFree

    state = getattr(problem, "sqlstate", None)
    if state is None and isinstance(problem, NoConnectionFree):
        return _TOO_MANY
    if state is None and isinstance(problem, InterfaceError | OperationalError):
        return _NOT_CONNECTED
    return state or ""


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("writes", False):
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITERS_LOCK})")
