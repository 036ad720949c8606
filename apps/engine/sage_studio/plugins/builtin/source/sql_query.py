"""Asks a database and gives the rows of its answer."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from sage_studio.kernel import Json
from sage_studio.plugins.support.sql.opening import DATABASE_FIELDS, EXPERT_FIELDS, AnySession, open_session
from sage_studio.plugins.support.sql.session import Batch
from sage_studio.plugins.support.sql.statement import bind
from sage_studio.plugins.support.sql.values import columns_to_json
from sage_studio.sdk import (
    Context,
    Effect,
    Field,
    NodeOutput,
    NodeSpec,
    Port,
    Rows,
    Settings,
    StreamNode,
    text,
)

_AT_ONCE = 2_000


class SqlQuery(StreamNode):
    """Rows are read as they are needed, through a cursor of the server, so that a result of any length
    passes in constant memory.

    A run that goes on after a crash asks again and leaves out as many rows as were given before: order them
    in the statement where that matters.
    """

    spec = NodeSpec(
        id="sql_query",
        name=text("SQL query", "SQL 查询"),
        description=text(
            "Runs a statement on PostgreSQL, MySQL, MariaDB or a SQLite file and gives the rows it finds.",
            "在 PostgreSQL、MySQL、MariaDB 或 SQLite 文件上执行语句并输出结果行。",
        ),
        category="source",
        icon="database",
        effect="idempotent",
        inputs=(Port(name="value", type="any", label=text("After", "前置"), use="expressions"),),
        outputs=(
            Port(name="rows", type="array<object>", label=text("Rows", "数据行"), streams=True),
            Port(name="count", type="integer", label=text("Number of rows", "行数")),
            Port(
                name="truncated",
                type="boolean",
                label=text("There was more", "有未读取的行"),
                description=text("Whether the row limit cut the result.", "结果是否因行数上限被截断。"),
            ),
        ),
        config=(
            *DATABASE_FIELDS,
            Field(
                name="sql",
                label=text("Statement", "SQL 语句"),
                help=text(
                    "Write :name (or $1) where a value goes; the value itself stands under “Values”.",
                    "在需要取值处写 :name（或 $1），具体的值在“参数值”中填写。",
                ),
                default="",
                required=True,
                control="code",
                max_length=200_000,
                expression="never",
                shared_text=True,
                placeholder=text(
                    "SELECT * FROM orders WHERE city = :city", "SELECT * FROM orders WHERE city = :city"
                ),
            ),
            Field(
                name="values",
                type="any",
                label=text("Values", "参数值"),
                help=text(
                    "By name, or a list for $1, $2. The database gets them apart from the statement.",
                    "按名称填写，或用列表对应 $1、$2；这些值与语句分开传给数据库。",
                ),
                default={},
                control="key_value",
                wireable=True,
            ),
            Field(
                name="read_only",
                type="boolean",
                label=text("Only read", "只读"),
                help=text(
                    "The database itself refuses changes. Off: the statement may change data, and is not "
                    "repeated by itself after a crash.",
                    "由数据库拒绝任何修改。关闭后语句可修改数据，崩溃后不会自动重复执行。",
                ),
                default=True,
                control="switch",
                expression="never",
            ),
            Field(
                name="max_rows",
                type="integer",
                label=text("Rows at most", "最多行数"),
                help=text("0: all of them.", "0 表示全部。"),
                default=10_000,
                minimum=0,
                maximum=1_000_000_000,
                unit=text("rows", "行"),
            ),
            *EXPERT_FIELDS,
        ),
        summary=text("{kind}", "{kind}"),
        default_timeout_s=3_600,
        example={
            "config": {
                "kind": "postgresql",
                "credential": "shop database",
                "sql": "SELECT id, total FROM orders WHERE city = :city ORDER BY id",
                "values": {"city": "Hangzhou"},
            },
            "inputs": {},
            "needs": "postgresql",
        },
    )

    def __init__(self) -> None:
        self._session: AnySession | None = None
        self._given = 0
        self._skip = 0

    @classmethod
    def effect(cls, config: Mapping[str, Json]) -> Effect:
        return "at_most_once" if config.get("read_only") is False else "idempotent"

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        settings = Settings(self.spec, ctx, inputs)
        read_only, limit = settings.flag("read_only"), settings.integer("max_rows")
        session = self._session = await open_session(ctx, settings, read_only=read_only)
        statement = bind(settings.text("sql"), settings.raw("values"), session.notation, session.adapt)
        is_cut = False
        async for batch in session.rows(statement, size=_AT_ONCE):
            rows = batch.rows[self._skip :]
            self._skip -= len(batch.rows) - len(rows)
            if limit and self._given + len(rows) > limit:
                rows, is_cut = rows[: limit - self._given], True
            self._given += len(rows)
            if rows:
                yield {"rows": _rows(Batch(batch.names, rows))}
            if is_cut:
                break
        if not read_only and not is_cut:
            await session.commit()
        changed = session.affected if session.affected >= 0 and not self._given else None
        if is_cut:
            ctx.log("rows_cut", level="warning", max_rows=limit)
        ctx.log("sql_done", rows=self._given, changed=changed)
        yield {"count": self._given if changed is None else changed, "truncated": is_cut}

    def snapshot(self) -> Json:
        return {"rows": self._given}

    def restore(self, state: Any) -> None:
        self._given = self._skip = state["rows"]

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _rows(batch: Batch) -> Rows:
    columns = columns_to_json(batch.rows)
    return Rows(dict(zip(_unique(batch.names), columns, strict=True)), len(batch.rows))


def _unique(names: tuple[str, ...]) -> list[str]:
    """A second column of the same name gets a number: ``id``, ``id_2``."""
    made: list[str] = []
    for name in names:
        number, chosen = 1, name
        while chosen in made:
            number += 1
            chosen = f"{name}_{number}"
        made.append(chosen)
    return made
