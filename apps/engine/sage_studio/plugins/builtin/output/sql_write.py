"""Writes rows into a table of a database."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, cast

from sage_studio.kernel import Json
from sage_studio.plugins.support.items import as_items
from sage_studio.plugins.support.sql.ledger import Ledger, Noted
from sage_studio.plugins.support.sql.opening import DATABASE_FIELDS, EXPERT_FIELDS, AnySession, open_session
from sage_studio.plugins.support.sql.sqlite import SqliteSession
from sage_studio.plugins.support.sql.writing import Mode, TableWriter, Written
from sage_studio.sdk import (
    Choice,
    Chunk,
    Context,
    Effect,
    Field,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    StreamNode,
    text,
)


class SqlWrite(StreamNode):
    """A list is written in one transaction, all or nothing. A stream is kept batch by batch: after a crash
    the rows behind the last checkpoint are written again. An upsert takes them without doubles; an insert
    when a ledger beside the rows says which are there (``once``)."""

    spec = NodeSpec(
        id="sql_write",
        name=text("Write to database", "写入数据库"),
        description=text(
            "Inserts or updates rows in a table of PostgreSQL, MySQL, MariaDB or a SQLite file.",
            "向 PostgreSQL、MySQL、MariaDB 或 SQLite 文件的表中插入或更新数据行。",
        ),
        category="output",
        icon="database",
        effect="at_most_once",
        inputs=(
            Port(name="rows", type="array<any>", label=text("Rows", "数据行"), required=True, streams=True),
        ),
        outputs=(
            Port(name="written", type="integer", label=text("Rows written", "写入行数")),
            Port(
                name="changed", type="integer", label=text("Changed, says the database", "数据库报告的变更数")
            ),
            Port(
                name="rejects",
                type="array<object>",
                label=text("Refused rows", "被拒绝的行"),
                description=text("Each with the reason.", "每行附带原因。"),
                streams=True,
            ),
            Port(
                name="file",
                type="File",
                label=text("Database file", "数据库文件"),
                description=text("The changed SQLite file.", "修改后的 SQLite 文件。"),
            ),
        ),
        config=(
            *DATABASE_FIELDS,
            Field(
                name="table",
                label=text("Table", "表"),
                default="",
                required=True,
                max_length=130,
                placeholder=text("orders", "orders"),
            ),
            Field(
                name="mode",
                label=text("Rows that are there already", "行已存在时"),
                default="insert",
                control="select",
                expression="never",
                options=(
                    Choice(value="insert", label=text("Are an error (insert)", "报错（插入）")),
                    Choice(value="upsert", label=text("Are changed (upsert)", "更新（upsert）")),
                    Choice(value="skip", label=text("Stay as they are", "保持不变")),
                ),
            ),
            Field(
                name="keys",
                type="array",
                label=text("Key columns", "键列"),
                help=text(
                    "What identifies a row; the table has a unique index on them.",
                    "用于识别行，表中须有唯一索引。",
                ),
                default=[],
                control="list",
                show_when={"mode": ("upsert",)},
            ),
            Field(
                name="columns",
                type="array",
                label=text("Columns", "列"),
                help=text("Empty: every field of a row.", "留空则写入行的所有字段。"),
                default=[],
                control="list",
                expert=True,
            ),
            Field(
                name="on_reject",
                label=text("Rows the table refuses", "被表拒绝的行"),
                default="fail",
                control="select",
                expression="never",
                options=(
                    Choice(value="fail", label=text("Fail, and write nothing", "失败且不写入")),
                    Choice(value="collect", label=text("Come out at “Refused rows”", "从“被拒绝的行”输出")),
                ),
            ),
            Field(
                name="once",
                type="boolean",
                label=text("Never write a row twice", "不重复写入"),
                help=text(
                    "Makes the table sage_studio_batches in the database; it says what is written.",
                    "会在数据库中创建 sage_studio_batches 表记录已写入的批次，崩溃后继续也不重复。",
                ),
                default=False,
                control="switch",
                expression="never",
                show_when={"kind": ("postgresql", "mysql"), "mode": ("insert",)},
            ),
            Field(
                name="batch_size",
                type="integer",
                label=text("Rows per statement", "每条语句的行数"),
                default=500,
                minimum=1,
                maximum=10_000,
                unit=text("rows", "行"),
                expert=True,
            ),
            *EXPERT_FIELDS,
        ),
        summary=text("{table}", "{table}"),
        default_timeout_s=3_600,
        example={
            "config": {"kind": "postgresql", "credential": "shop database", "table": "orders"},
            "inputs": {"rows": [{"id": 1, "total": 9.5}]},
            "needs": "postgresql",
        },
    )

    def __init__(self) -> None:
        self._session: AnySession | None = None
        self._ledger: Ledger | None = None
        self._done = Written()
        self._seen = 0
        self._skipping = 0  # so many of the next rows are there

    @classmethod
    def effect(cls, config: Mapping[str, Json]) -> Effect:
        is_noted = bool(config.get("once")) and config.get("kind") != "sqlite"
        return "at_most_once" if config.get("mode") in {None, "insert"} and not is_noted else "idempotent"

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        rows = as_items(inputs.get("rows"), "rows")
        settings, writer = await self._open(ctx, inputs)
        rejects: list[Any] = []
        size = settings.integer("batch_size")
        noted = self._ledger.covering(0) if self._ledger is not None else None
        if noted is not None:
            self._count(noted.count - len(noted.rejects), noted.changed)
            return {**await self._summary(ctx), "rejects": noted.rejects}
        for start in range(0, len(rows), size):
            rejects += await self._write(writer, rows[start : start + size], start)
            ctx.progress(min(start + size, len(rows)), len(rows))
        assert self._session is not None, "opened above"
        if self._ledger is not None:
            await self._ledger.note(Noted(0, len(rows), self._done.changed, rejects))
        await self._session.commit()
        return {**await self._summary(ctx), "rejects": rejects}

    async def stream(self, ctx: Context, inputs: Mapping[str, Any]) -> AsyncIterator[NodeOutput]:
        _settings, writer = await self._open(ctx, inputs)
        async for chunk in inputs["rows"].chunks():
            rows, rejects = list(chunk), list[Any]()
            while rows:
                rejects += await self._take(writer, rows)
            yield {"rejects": Chunk(rejects)} if rejects else {}
        yield await self._summary(ctx)

    async def _take(self, writer: TableWriter, rows: list[Any]) -> list[Any]:
        """Write rows, or leave out those that are there, and take them off the list; what was refused."""
        noted = None if self._skipping or self._ledger is None else self._ledger.covering(self._seen)
        if noted is not None:
            self._skipping = noted.count
            self._count(noted.count - len(noted.rejects), noted.changed)
        if not self._skipping:
            refused = await self._keep(writer, rows)
            rows.clear()
            return refused
        passed = min(self._skipping, len(rows))
        del rows[:passed]
        self._skipping, self._seen = self._skipping - passed, self._seen + passed
        return noted.rejects if noted is not None else []

    async def _keep(self, writer: TableWriter, rows: Sequence[Any]) -> list[Any]:
        """A batch of a stream, committed with what the ledger says of it."""
        assert self._session is not None, "opened before"
        changed = self._done.changed
        rejects = await self._write(writer, rows, self._seen)
        if self._ledger is not None:
            await self._ledger.note(Noted(self._seen, len(rows), self._done.changed - changed, rejects))
        await self._session.commit()
        self._seen += len(rows)
        return rejects

    async def _open(self, ctx: Context, inputs: Mapping[str, Any]) -> tuple[Settings, TableWriter]:
        settings = Settings(self.spec, ctx, inputs)
        mode = cast(Mode, settings.text("mode"))
        self._session = await open_session(ctx, settings, read_only=False)
        if settings.flag("once") and mode == "insert" and not isinstance(self._session, SqliteSession):
            self._ledger = Ledger(self._session, hashlib.sha256(ctx.idempotency_key.encode()).hexdigest())
            await self._ledger.open(self._seen + self._skipping)
        return settings, TableWriter(
            self._session,
            settings.text("table"),
            mode=mode,
            keys=settings.texts("keys"),
            columns=settings.texts("columns"),
            keeps_rejects=settings.text("on_reject") == "collect",
            at_once=settings.integer("batch_size"),
        )

    async def _write(self, writer: TableWriter, rows: Sequence[Any], first: int) -> list[Any]:
        done = await writer.write(rows, first)
        self._count(done.rows, max(done.changed, 0))
        return list(done.rejects)

    def _count(self, rows: int, changed: int) -> None:
        self._done.rows += rows
        self._done.changed += changed

    async def _summary(self, ctx: Context) -> dict[str, Any]:
        ctx.log("rows_written", rows=self._done.rows, changed=self._done.changed)
        made: dict[str, Any] = {"written": self._done.rows, "changed": self._done.changed}
        if isinstance(self._session, SqliteSession):
            made["file"] = await self._session.saved(ctx)
        return made

    def snapshot(self) -> Json:
        done = self._done
        return {"rows": done.rows, "changed": done.changed, "seen": self._seen, "skipping": self._skipping}

    def restore(self, state: Any) -> None:
        self._done = Written(state["rows"], state["changed"])
        self._seen, self._skipping = state.get("seen", state["rows"]), state.get("skipping", 0)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
