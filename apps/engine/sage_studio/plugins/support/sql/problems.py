"""What a database said was wrong: its own words, its code, the place, and what to do about it."""

from __future__ import annotations

from typing import Any

from sage_studio.kernel import ErrorCode, define_error
from sage_studio.sdk import NodeError

_FACTS_HINT_EN = "The database's code: {sqlstate}."
SYNTAX = define_error(
    "sql.syntax",
    3521,
    en="The statement is not valid{place}: {reason}",
    zh="SQL 语句无效{place_zh}：{reason}",
    hint_en="Correct the statement at that place. SQLSTATE {sqlstate}.",
    hint_zh="请修正该处语句。SQLSTATE {sqlstate}。",
    status=422,
)
MISSING = define_error(
    "sql.missing",
    3522,
    en="The database knows no such table, column or function{place}: {reason}",
    zh="数据库中不存在该表、列或函数{place_zh}：{reason}",
    hint_en="Check the name, its schema, and that the credential leads to the right database. "
    "SQLSTATE {sqlstate}.",
    hint_zh="请检查名称、模式以及凭据指向的数据库。SQLSTATE {sqlstate}。",
    status=422,
)
CONSTRAINT = define_error(
    "sql.constraint",
    3523,
    en="The data break a rule of the table: {reason}",
    zh="数据违反表的约束：{reason}",
    hint_en="Correct the values, or choose what happens to rows that are there already. SQLSTATE {sqlstate}.",
    hint_zh="请修正数据，或选择如何处理已存在的行。SQLSTATE {sqlstate}。",
    status=422,
)
BAD_VALUE = define_error(
    "sql.bad_value",
    3524,
    en="A value does not fit its column: {reason}",
    zh="值与列类型不符：{reason}",
    hint_en="Check types, lengths and formats of the values. SQLSTATE {sqlstate}.",
    hint_zh="请检查值的类型、长度和格式。SQLSTATE {sqlstate}。",
    status=422,
)
DENIED = define_error(
    "sql.denied",
    3525,
    en="The database does not allow this: {reason}",
    zh="数据库拒绝了该操作：{reason}",
    hint_en="Use a credential with the right to do it, or ask for that right. SQLSTATE {sqlstate}.",
    hint_zh="请使用有权限的凭据，或申请相应权限。SQLSTATE {sqlstate}。",
    status=422,
)
READ_ONLY = define_error(
    "sql.read_only",
    3526,
    en="The statement changes data, but the node only reads: {reason}",
    zh="该语句会修改数据，但节点为只读：{reason}",
    hint_en="Switch “Only read” off, or write rows with “Write to database”.",
    hint_zh="请关闭“只读”，或使用“写入数据库”节点。",
    status=422,
)
TOO_LONG = define_error(
    "sql.timeout",
    3527,
    en="The statement took longer than {timeout_s} s and was stopped.",
    zh="语句执行超过 {timeout_s} 秒，已停止。",
    hint_en="Raise the time limit, or make the statement lighter (fewer rows, an index).",
    hint_zh="请延长超时时间，或优化语句（减少行数、添加索引）。",
    status=504,
)
NO_DATABASE = define_error(
    "sql.no_database",
    3528,
    en="There is no such database: {reason}",
    zh="数据库不存在：{reason}",
    hint_en="Check the database in the credential.",
    hint_zh="请检查凭据中的数据库名。",
    status=422,
)
BUSY = define_error(
    "sql.busy",
    3529,
    en="The database cannot do it just now: {reason}",
    zh="数据库暂时无法执行：{reason}",
    hint_en="Trying again usually helps. SQLSTATE {sqlstate}.",
    hint_zh="通常重试即可。SQLSTATE {sqlstate}。",
    status=503,
    retryable=True,
)
OTHER = define_error(
    "sql.error",
    3530,
    en="The database answered: {reason}",
    zh="数据库返回错误：{reason}",
    hint_en=_FACTS_HINT_EN,
    hint_zh="数据库错误码：{sqlstate}。",
    status=502,
)
# By SQLSTATE, five characters first, then its class (PostgreSQL appendix A; ISO/IEC 9075).
_BY_STATE: dict[str, ErrorCode] = {
    "42601": SYNTAX, "42000": SYNTAX, "42P01": MISSING, "42703": MISSING, "42883": MISSING,
    "42S02": MISSING, "42S22": MISSING, "3F000": MISSING, "42501": DENIED, "25006": READ_ONLY,
    "57014": TOO_LONG, "70100": TOO_LONG, "3D000": NO_DATABASE, "55P03": BUSY, "42P18": BAD_VALUE,
    "42804": BAD_VALUE, "42846": BAD_VALUE,
    "22": BAD_VALUE, "23": CONSTRAINT, "40": BUSY, "53": BUSY, "42": SYNTAX, "21": SYNTAX,
}  # fmt: skip


def code_of(sqlstate: str) -> ErrorCode:
    return _BY_STATE.get(sqlstate) or _BY_STATE.get(sqlstate[:2]) or OTHER


def statement_failed(
    code: ErrorCode,
    reason: str,
    *,
    sqlstate: str = "",
    sql: str = "",
    position: int | None = None,
    **more: Any,
) -> NodeError:
    """``position`` counts characters from 1 in ``sql``."""
    facts: dict[str, Any] = {
        "reason": reason.strip()[:1_000],
        "sqlstate": sqlstate or "–",
        "place": "",
        **more,
    }
    facts["place_zh"] = ""
    if position is not None and 0 < position <= len(sql) + 1:
        before = sql[: position - 1]
        line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1)
        facts |= {"line": line, "column": column, "position": position}
        facts["place"] = f" in line {line} at character {column}"
        facts["place_zh"] = f"（第 {line} 行第 {column} 个字符）"
    return NodeError(code, facts)
