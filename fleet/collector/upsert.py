"""`INSERT ... ON CONFLICT`, which both databases know under the same words and SQLAlchemy under two names."""

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert_or(connection: Connection, table: Table) -> postgresql.Insert:
    """Return an insert into a table with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if connection.dialect.name == "sqlite":
        # The two classes share no base, and what is used here is the same in both.
        return sqlite.insert(table)  # type: ignore[return-value]
    return postgresql.insert(table)
