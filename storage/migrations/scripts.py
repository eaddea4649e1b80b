"""Migrations that are one SQL script beside a module of the same name."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from alembic import op
from sqlalchemy import AdaptedConnection


def script_beside(module: str) -> Callable[[], None]:
    """Return the upgrade that runs the script of the migration whose `__file__` is `module`."""

    def upgrade() -> None:
        script = Path(module).with_suffix(".sql").read_text(encoding="utf-8")
        # Several statements in one text: prepared statements, which SQLAlchemy uses, hold one.
        connection = cast(AdaptedConnection, op.get_bind().connection.dbapi_connection)
        connection.run_async(lambda driver: driver.execute(script))

    return upgrade
