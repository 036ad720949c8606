"""Opens the database that a node's fields name."""

from __future__ import annotations

from typing import TypeAlias

from sage_studio.kernel import define_error
from sage_studio.plugins.support.places import ca_field, credential_field, place_of, timeout_field
from sage_studio.plugins.support.sql.mysql import MysqlSession
from sage_studio.plugins.support.sql.postgres import PostgresSession
from sage_studio.plugins.support.sql.sqlite import SqliteSession
from sage_studio.sdk import Choice, Context, Field, NodeError, Settings, text

AnySession: TypeAlias = PostgresSession | MysqlSession | SqliteSession
NO_CREDENTIAL = define_error(
    "sql.no_credential",
    3533,
    en="No credential says which database to connect to.",
    zh="未选择数据库凭据。",
    hint_en="Choose one of the kind PostgreSQL or MySQL in the node, or make one under Credentials.",
    hint_zh="请在节点中选择 PostgreSQL 或 MySQL 凭据，或在“凭据”页面新建。",
    status=422,
)
NO_FILE = define_error(
    "sql.no_file",
    3534,
    en="There is no SQLite file to read.",
    zh="没有可读取的 SQLite 文件。",
    hint_en="Choose a file, or connect one to the field “Database file”.",
    hint_zh="请选择文件，或将文件连接到“数据库文件”字段。",
    status=422,
)
_SERVERS = {"kind": ("postgresql", "mysql")}
DATABASE_FIELDS = (
    Field(
        name="kind",
        label=text("Database", "数据库类型"),
        default="postgresql",
        control="select",
        expression="never",
        options=(
            Choice(value="postgresql", label=text("PostgreSQL", "PostgreSQL")),
            Choice(value="mysql", label=text("MySQL or MariaDB", "MySQL / MariaDB")),
            Choice(value="sqlite", label=text("SQLite file", "SQLite 文件")),
        ),
    ),
    credential_field("postgresql", "mysql", required=False).model_copy(update={"show_when": _SERVERS}),
    Field(
        name="file",
        type="any",
        label=text("Database file", "数据库文件"),
        default=None,
        control="files",
        wireable=True,
        show_when={"kind": ("sqlite",)},
    ),
)
EXPERT_FIELDS = (timeout_field(60), ca_field(show_when=_SERVERS))


async def open_session(ctx: Context, settings: Settings, *, read_only: bool) -> AnySession:
    """Raises NodeError ``sql.*`` and ``server.*``."""
    timeout_s = settings.number("timeout_s")
    if settings.text("kind") == "sqlite":
        files = settings.files("file")
        if not files and read_only:
            raise NodeError(NO_FILE, path="config.file")
        chosen = files[0] if files else None
        return await SqliteSession.open(ctx, chosen, read_only=read_only, timeout_s=timeout_s)
    if not settings.text("credential"):
        raise NodeError(NO_CREDENTIAL, path="config.credential")
    if settings.text("kind") == "mysql":
        place = await place_of(ctx, settings, 3306)
        return await MysqlSession.open(ctx, place, read_only=read_only, timeout_s=timeout_s)
    place = await place_of(ctx, settings, 5432)
    return await PostgresSession.open(ctx, place, read_only=read_only, timeout_s=timeout_s)
