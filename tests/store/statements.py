"""SQL past the store, for states that it would not write itself."""

from pathlib import Path

from sqlalchemy import create_engine, text


def execute(place: Path | str, statement: str, **values: object) -> None:
    url = str(place).replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(f"sqlite:///{place}" if isinstance(place, Path) else url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()
