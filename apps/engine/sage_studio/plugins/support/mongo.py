"""MongoDB by pymongo: one server of the credential, connected to directly at its checked address."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sage_studio.kernel import define_error
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.places import (
    LOGIN_REFUSED,
    LOST,
    TLS_FAILED,
    UNREACHABLE,
    Place,
    ca_field,
    checked_address,
    connecting_failed,
    credential_field,
    places_of,
    timeout_field,
)
from sage_studio.plugins.support.sql.values import to_json
from sage_studio.sdk import Context, Field, NodeError, Settings, text

REFUSED = define_error(
    "mongodb.refused",
    3591,
    en="MongoDB answered: {reason}",
    zh="MongoDB 返回错误：{reason}",
    hint_en="Correct the filter or the documents. MongoDB's code: {code}.",
    hint_zh="请修正查询条件或文档。MongoDB 错误码：{code}。",
    status=422,
)
TOO_LONG = define_error(
    "mongodb.timeout",
    3592,
    en="MongoDB took longer than {timeout_s} s.",
    zh="MongoDB 执行超过 {timeout_s} 秒。",
    hint_en="Raise the time limit, or add an index for the filter.",
    hint_zh="请延长超时时间，或为查询条件添加索引。",
    status=504,
)
NO_DATABASE = define_error(
    "mongodb.no_database",
    3593,
    en="Neither the node nor its credential names a database.",
    zh="节点和凭据均未指定数据库。",
    status=422,
)
NOT_ALLOWED = define_error(
    "mongodb.not_allowed",
    3594,
    en="“{name}” is not allowed here: it runs code on the server or writes.",
    zh="此处不允许使用“{name}”：它会在服务器上执行代码或写入数据。",
    hint_en="Use other operators; to write, use “Write to MongoDB”.",
    hint_zh="请使用其他运算符；写入请使用“写入 MongoDB”。",
    status=422,
)
_SELECT_MS = 5_000
_FORBIDDEN = frozenset({"$where", "$function", "$accumulator", "$out", "$merge"})
_DENIED, _AUTH_FAILED, _TIME_OVER = 13, 18, 50
MONGO_FIELDS = (
    credential_field("mongodb"),
    Field(
        name="database",
        label=text("Database", "数据库"),
        help=text("Empty: the one of the credential.", "留空则使用凭据中的数据库。"),
        default="",
        max_length=63,
    ),
    Field(name="collection", label=text("Collection", "集合"), default="", required=True, max_length=200),
)
MONGO_EXPERT = (timeout_field(60), ca_field())


@asynccontextmanager
async def open_collection(ctx: Context, settings: Settings) -> AsyncIterator[Any]:
    """The collection on the first server that answers. Raises NodeError ``mongodb.*`` and ``server.*``."""
    pymongo, errors = library("pymongo", "databases"), library("pymongo.errors", "databases")
    places = await places_of(ctx, settings, 27017)
    database = settings.text("database") or places[0].more.get("database") or ""
    if not database:
        raise NodeError(NO_DATABASE, path="config.database")
    failure: NodeError | None = None
    for place in places:
        client = await _client(ctx, pymongo, place, settings.number("timeout_s"))
        try:
            await client.admin.command("ping")
        except errors.PyMongoError as error:
            await client.close()
            failure = _failed(place, error, settings)
            if failure.code is not UNREACHABLE:
                break
            continue
        except BaseException:
            await client.close()
            raise
        try:
            yield client[database][settings.text("collection")]
        except errors.PyMongoError as error:
            raise _failed(place, error, settings) from error
        finally:
            await client.close()
        return
    assert failure is not None, "there is a place"
    raise failure


async def _client(ctx: Context, pymongo: Any, place: Place, timeout_s: float) -> Any:
    account: dict[str, Any] = {}
    if place.user:
        source = place.more.get("auth_source") or "admin"
        account = {"username": place.user, "password": place.password, "authSource": source}
    client = pymongo.AsyncMongoClient(
        await checked_address(ctx, place),
        place.port,
        directConnection=True,
        appname="sage-studio",
        serverSelectionTimeoutMS=_SELECT_MS,
        connectTimeoutMS=_SELECT_MS,
        socketTimeoutMS=int((timeout_s + 5) * 1000),
        retryReads=False,
        retryWrites=False,
        maxPoolSize=2,
        tz_aware=True,
        **account,
    )
    if place.tls == "on":
        # pymongo makes its own context and would ask for a certificate of the address.
        client.options.pool_options._PoolOptions__ssl_context = place.context()  # noqa: SLF001
    return client


def _failed(place: Place, error: Any, settings: Settings) -> NodeError:
    errors = library("pymongo.errors", "databases")
    said = str(error)
    if isinstance(error, errors.ServerSelectionTimeoutError):
        if "SSL" in said or "certificate" in said:
            return place.error(TLS_FAILED, said)
        return place.error(UNREACHABLE, said.split(",", maxsplit=1)[0])
    if isinstance(error, errors.OperationFailure):
        if error.code in {_AUTH_FAILED, _DENIED}:
            return place.error(LOGIN_REFUSED, said.split(", full error", maxsplit=1)[0])
        if error.code == _TIME_OVER:
            return NodeError(TOO_LONG, {"timeout_s": settings.number("timeout_s")})
        reason = said.split(", full error", maxsplit=1)[0][:1_000]
        return NodeError(REFUSED, {"reason": reason, "code": error.code or "–"})
    if isinstance(error, errors.ConnectionFailure):
        return place.error(LOST, said.split(" (configured", maxsplit=1)[0])
    if isinstance(error, OSError):
        return connecting_failed(place, error, "MongoDB")
    return NodeError(REFUSED, {"reason": said[:1_000], "code": "–"})


def from_json(value: Any) -> Any:
    """What people write, with ``$oid`` and ``$date`` as MongoDB's extended JSON has them. Raises NodeError
    ``mongodb.not_allowed``."""
    json_util = library("bson.json_util", "databases")
    if isinstance(value, Mapping):
        for name in value:
            if name in _FORBIDDEN:
                raise NodeError(NOT_ALLOWED, {"name": name}, path="config.filter")
        return json_util.object_hook({str(name): from_json(entry) for name, entry in value.items()})
    return [from_json(entry) for entry in value] if isinstance(value, list) else value


def document_json(value: Any) -> Any:
    """A document as the JSON people expect: ids as text, decimals as numbers where nothing is lost."""
    decimal128 = library("bson.decimal128", "databases").Decimal128
    if isinstance(value, Mapping):
        return {str(name): document_json(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [document_json(entry) for entry in value]
    return to_json(value.to_decimal() if isinstance(value, decimal128) else value)
