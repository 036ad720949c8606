"""A twin of MongoDB's wire protocol (OP_MSG, BSON), because no MongoDB server can be had here.

It knows one collection per name in memory, equality and ``$gt`` in filters, unique ``_id``, cursors that are
fetched from in batches, and nothing else: what a real server would make of a query is not tested by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from typing import Any

import bson

_HEADER = struct.Struct("<iiii")
_OP_MSG = 2013


class MongoTwin:
    def __init__(self) -> None:
        self.collections: dict[str, list[dict[str, Any]]] = {}
        self.commands: list[dict[str, Any]] = []
        self._cursors: dict[int, list[dict[str, Any]]] = {}
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length, request_id, _to, op = _HEADER.unpack(await reader.readexactly(16))
                body = await reader.readexactly(length - 16)
                assert op == _OP_MSG, "pymongo speaks OP_MSG only"
                answer = bson.encode(self._answer(_command(body)))
                payload = b"\0\0\0\0\0" + answer
                writer.write(_HEADER.pack(16 + len(payload), 0, request_id, _OP_MSG) + payload)
                await writer.drain()
        writer.close()

    def _answer(self, command: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        if name not in {"hello", "isMaster", "ismaster"}:
            self.commands.append(command)
        handler = getattr(self, f"_do_{name.lower()}", None)
        if handler is None:
            return {"ok": 0.0, "errmsg": f"no such command: '{name}'", "code": 59}
        made: dict[str, Any] = {"ok": 1.0, **handler(command)}
        return made

    def _do_ismaster(self, _command: dict[str, Any]) -> dict[str, Any]:
        return {
            "isWritablePrimary": True, "ismaster": True, "helloOk": True, "maxBsonObjectSize": 16 << 20,
            "maxMessageSizeBytes": 48_000_000, "maxWriteBatchSize": 100_000, "minWireVersion": 0,
            "maxWireVersion": 21, "readOnly": False,
        }  # fmt: skip

    _do_hello = _do_ismaster

    def _do_ping(self, _command: dict[str, Any]) -> dict[str, Any]:
        return {}

    _do_endsessions = _do_killcursors = _do_ping

    def _do_aggregate(self, command: dict[str, Any]) -> dict[str, Any]:
        found = list(self.collections.get(command["aggregate"], []))
        for stage in command["pipeline"]:
            [(kind, value)] = stage.items()
            if kind == "$match":
                if "$bad" in value:
                    return {"ok": 0.0, "errmsg": "unknown top level operator: $bad", "code": 2}
                found = [entry for entry in found if _fits(entry, value)]
            elif kind == "$sort":
                for name, way in reversed(list(value.items())):
                    found = sorted(found, key=_by(name), reverse=way < 0)
            elif kind == "$limit":
                found = found[:value]
            elif kind == "$skip":
                found = found[value:]
            elif kind == "$project":
                found = [{n: v for n, v in entry.items() if n in value or n == "_id"} for entry in found]
        size = command["cursor"].get("batchSize", 101)
        self._cursors[1] = found[size:]
        cursor = {"id": bson.Int64(1 if found[size:] else 0), "ns": "d.c", "firstBatch": found[:size]}
        return {"cursor": cursor}

    def _do_getmore(self, command: dict[str, Any]) -> dict[str, Any]:
        size, left = command.get("batchSize", 101), self._cursors[1]
        self._cursors[1] = left[size:]
        cursor = {"id": bson.Int64(1 if left[size:] else 0), "ns": "d.c", "nextBatch": left[:size]}
        return {"cursor": cursor}

    def _do_insert(self, command: dict[str, Any]) -> dict[str, Any]:
        held = self.collections.setdefault(command["insert"], [])
        errors = []
        for index, document in enumerate(command["documents"]):
            if any(entry["_id"] == document["_id"] for entry in held):
                errors.append({"index": index, "code": 11000, "errmsg": "E11000 duplicate key error"})
            else:
                held.append(document)
        return {"n": len(command["documents"]) - len(errors), **({"writeErrors": errors} if errors else {})}

    def _do_update(self, command: dict[str, Any]) -> dict[str, Any]:
        held = self.collections.setdefault(command["update"], [])
        upserted = []
        for index, update in enumerate(command["updates"]):
            change = update["u"].get("$set", {} if "$setOnInsert" in update["u"] else update["u"])
            match = next((entry for entry in held if _fits(entry, update["q"])), None)
            if match is None:
                keys = {name: value["$eq"] for name, value in update["q"].items()}
                held.append({"_id": bson.ObjectId(), **keys, **change})
                upserted.append({"index": index, "_id": held[-1]["_id"]})
            else:
                match.update(change)
        return {"n": len(command["updates"]), "nModified": 0, "upserted": upserted}


def _by(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda entry: entry.get(name, 0)


def _command(body: bytes) -> dict[str, Any]:
    """Sections of OP_MSG: one document, and lists that belong to it."""
    command: dict[str, Any] = {}
    at = 4
    while at < len(body):
        kind, at = body[at], at + 1
        size = struct.unpack_from("<i", body, at)[0]
        if kind == 0:
            command = {**bson.decode(body[at : at + size]), **command}
        else:
            name, _nul, listed = body[at + 4 : at + size].partition(b"\0")
            command[name.decode()] = bson.decode_all(listed)
        at += size
    first = next(name for name in command if name not in {"documents", "updates", "deletes"})
    return {first: command.pop(first), **command}


def _fits(entry: dict[str, Any], query: dict[str, Any]) -> bool:
    for name, wanted in query.items():
        value = entry.get(name)
        if isinstance(wanted, dict) and "$gt" in wanted:
            if not (value is not None and value > wanted["$gt"]):
                return False
        elif value != (wanted["$eq"] if isinstance(wanted, dict) and "$eq" in wanted else wanted):
            return False
    return True


@contextlib.asynccontextmanager
async def mongo_twin() -> AsyncIterator[MongoTwin]:
    twin = MongoTwin()
    server = await asyncio.start_server(twin.serve, "127.0.0.1", 0)
    twin.port = server.sockets[0].getsockname()[1]
    try:
        yield twin
    finally:
        server.close()
