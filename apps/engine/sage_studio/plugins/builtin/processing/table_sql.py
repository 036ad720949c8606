"""SQL over tables of the flow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sage_studio.plugins.support.flow_tables import query
from sage_studio.plugins.support.items import as_items
from sage_studio.sdk import Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, text


class TableSql(Node):
    """The tables live in a database of their own for as long as the query takes; nothing else can be
    reached from it."""

    spec = NodeSpec(
        id="table_sql",
        name=text("SQL over tables", "表格 SQL"),
        description=text(
            "Asks lists of the flow with SQL: join, group, sort, count.",
            "用 SQL 查询流程中的列表：关联、分组、排序、统计。",
        ),
        category="processing",
        icon="database",
        deterministic=False,
        inputs=(
            Port(
                name="tables",
                type="any",
                label=text("Tables", "表格"),
                description=text(
                    "Lists of objects: t1, t2, … in the order in which they were connected, or by the id of "
                    "the node they come from.",
                    "对象列表：按连线顺序命名为 t1、t2……，也可用来源节点的编号引用。",
                ),
                required=True,
                multiple=True,
            ),
        ),
        outputs=(
            Port(name="items", type="array<object>", label=text("Rows", "数据行")),
            Port(name="count", type="integer", label=text("Number of rows", "行数")),
        ),
        config=(
            Field(
                name="query",
                label=text("Query", "查询语句"),
                help=text(
                    "SQLite's SQL. :name stands for a parameter; inner lists and objects are JSON text.",
                    "使用 SQLite 语法。:name 表示参数；嵌套的列表和对象以 JSON 文本存储。",
                ),
                default="select * from t1",
                required=True,
                control="code",
                expression="never",
                shared_text=True,
                max_length=100_000,
            ),
            Field(
                name="parameters",
                type="object",
                label=text("Parameters", "参数"),
                default={},
                control="key_value",
            ),
            Field(
                name="max_rows",
                type="integer",
                label=text("At most", "最多行数"),
                default=100_000,
                minimum=1,
                maximum=1_000_000,
                unit=text("rows", "行"),
            ),
            Field(
                name="seconds",
                type="number",
                label=text("Give up after", "超时"),
                default=60,
                minimum=1,
                maximum=3_600,
                unit=text("seconds", "秒"),
                expert=True,
            ),
        ),
        summary=text("{query}", "{query}"),
        example={
            "config": {
                "query": "select team, sum(points) as points from t1 where points > :least group by team",
                "parameters": {"least": 1},
            },
            "inputs": {
                "tables": [["a_1", [{"team": "a", "points": 3}, {"team": "a", "points": 2}]]],
            },
            "outputs": {"items": [{"team": "a", "points": 5}], "count": 1},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        tables: dict[str, list[Any]] = {}
        for number, (node_id, value) in enumerate(inputs.get("tables") or [], start=1):
            tables[f"t{number}"] = as_items(value, "tables")
            tables.setdefault(str(node_id), tables[f"t{number}"])
        rows = await ctx.in_thread(
            lambda: query(
                tables,
                settings.text("query"),
                settings.mapping("parameters"),
                max_rows=settings.integer("max_rows"),
                seconds=settings.number("seconds"),
                stopped=lambda: ctx.cancelled,
            )
        )
        return {"items": rows, "count": len(rows)}
