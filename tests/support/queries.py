"""The statements that reach a database."""

from sqlalchemy import event

from kit.database import Database


class Queries:
    """All from now on, of every thread."""

    def __init__(self, database: Database) -> None:
        self.statements: list[str] = []
        event.listen(database.engine, "before_cursor_execute", self._one)

    def _one(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.statements.append(statement)

    def taken(self, table: str) -> list[str]:
        """Those that name the table; the next call tells none of them again."""
        taken = [one for one in self.statements if table in one]
        self.statements.clear()
        return taken
