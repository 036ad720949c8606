"""Twins of Milvus, ChromaDB and Elasticsearch: their HTTP interfaces over lists in memory.

Not the real thing: they know the calls our nodes make, refuse what the real ones are known to refuse, and
rank by plain cosine and shared words. ``make test-models`` runs the same tests against a real ChromaDB.
"""

from __future__ import annotations

import json
import math
import re
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Row = dict[str, Any]


class Refused(Exception):
    """Answered with a status of its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Collection:
    """Rows by id, and what was said when it was made."""

    def __init__(self, name: str, made: Any) -> None:
        self.name = name
        self.id = str(uuid.uuid4())
        self.made = made
        self.rows: dict[str, Row] = {}


class Twin:
    """One server that speaks all three; the paths do not overlap."""

    def __init__(self) -> None:
        self.collections: dict[str, Collection] = {}
        twin = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    status, said = 200, twin.answer(self.command, self.path, body)
                except Refused as refused:
                    status, said = refused.status, {"error": str(refused)}
                raw = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        for method in ("GET", "POST", "PUT", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.answer)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, body: bytes) -> Any:
        if path.startswith("/api/v2/"):
            return self._chroma(method, path.partition("/collections")[2], json.loads(body or b"null"))
        if path.startswith("/v2/vectordb/"):
            return self._milvus(path.removeprefix("/v2/vectordb/"), json.loads(body))
        return self._elasticsearch(method, path, body)

    def _found(self, name: str) -> Collection:
        found = self.collections.get(name)
        if found is None:
            found = next((one for one in self.collections.values() if one.id == name), None)
        if found is None:
            raise Refused(404, f"Collection [{name}] does not exist")
        return found

    # ChromaDB

    def _chroma(self, method: str, path: str, body: Any) -> Any:
        name, _, verb = path.strip("/").partition("/")
        if not name:
            made = self.collections.setdefault(body["name"], Collection(body["name"], body))
            return {"id": made.id, "name": made.name, "metadata": made.made["metadata"]}
        found = self._found(name)
        if method == "DELETE":
            del self.collections[found.name]
            return {}
        if not verb:
            return {"id": found.id, "name": found.name, "metadata": found.made["metadata"]}
        verbs: dict[str, Callable[[Collection, Any], Any]] = {
            "upsert": self._chroma_upsert,
            "count": lambda one, _body: len(one.rows),
            "query": self._chroma_query,
            "get": self._chroma_get,
        }
        return verbs[verb](found, body)

    @staticmethod
    def _chroma_upsert(found: Collection, body: Any) -> Any:
        columns = ("ids", "embeddings", "documents", "metadatas")
        for entry, vector, text, metadata in zip(*(body[name] for name in columns), strict=True):
            if any(isinstance(value, (list, dict)) or value is None for value in metadata.values()):
                raise Refused(422, "metadata values must be str, int, float or bool")
            found.rows[entry] = {"id": entry, "vector": vector, "text": text, "metadata": metadata}
        return {}

    def _chroma_query(self, found: Collection, body: Any) -> Any:
        rows = [row for row in found.rows.values() if _chroma_fits(row["metadata"], body.get("where"))]
        ranked = _nearest(rows, body["query_embeddings"][0])[: body["n_results"]]
        return {name: [values] for name, values in _columns(ranked).items()}

    @staticmethod
    def _chroma_get(found: Collection, body: Any) -> Any:
        wanted = body["where_document"]
        parts = [part["$contains"] for part in wanted.get("$or", [wanted])]
        rows = [row for row in found.rows.values() if _chroma_fits(row["metadata"], body.get("where"))]
        return _columns([row for row in rows if any(part in row["text"] for part in parts)][: body["limit"]])

    # Milvus

    def _milvus(self, path: str, body: Any) -> Any:
        name = body["collectionName"]
        if path == "collections/has":
            return {"code": 0, "data": {"has": name in self.collections}}
        if path == "collections/create":
            self.collections[name] = Collection(name, body["schema"])
            return {"code": 0, "data": {}}
        if name not in self.collections:
            return {"code": 100, "message": f"can't find collection[collection={name}]"}
        found = self.collections[name]
        if path == "collections/drop":
            del self.collections[name]
            return {"code": 0, "data": {}}
        if path == "collections/describe":
            return {"code": 0, "data": {"description": found.made["description"]}}
        if path == "entities/upsert":
            for row in body["data"]:
                found.rows[row["id"]] = row
            return {"code": 0, "data": {"upsertCount": len(body["data"])}}
        if body["outputFields"] == ["count(*)"]:
            return {"code": 0, "data": [{"count(*)": len(found.rows)}]}
        rows = [row for row in found.rows.values() if _milvus_fits(row, body["filter"])]
        if path == "entities/search":
            rows = _nearest(rows, body["data"][0])
        shown = [{field: row[field] for field in body["outputFields"]} for row in rows[: body["limit"]]]
        return {"code": 0, "data": shown}

    # Elasticsearch

    def _elasticsearch(self, method: str, path: str, body: bytes) -> Any:
        name, _, verb = path.strip("/").partition("/")
        verb = verb.partition("?")[0]
        if method == "PUT":
            self.collections[name] = Collection(name, json.loads(body))
            return {"acknowledged": True}
        found = self._found(name)
        if method == "DELETE":
            del self.collections[name]
            return {"acknowledged": True}
        if verb == "_mapping":
            return {name: found.made}
        if verb == "_count":
            return {"count": len(found.rows)}
        if verb == "_bulk":
            lines = [json.loads(line) for line in body.splitlines()]
            for action, row in zip(lines[::2], lines[1::2], strict=True):
                found.rows[action["index"]["_id"]] = {**row, "id": action["index"]["_id"]}
            return {"errors": False, "items": []}
        return self._elastic_search(found, json.loads(body))

    @staticmethod
    def _elastic_search(found: Collection, body: Any) -> Any:
        if knn := body.get("knn"):
            rows = [row for row in found.rows.values() if _elastic_fits(row, knn.get("filter", []))]
            ranked = [(row, (1 + _cosine(row["vector"], knn["query_vector"])) / 2) for row in rows]
        else:
            asked = body["query"]["bool"]
            words = _words(asked["must"][0]["match"]["text"])
            rows = [row for row in found.rows.values() if _elastic_fits(row, asked.get("filter", []))]
            ranked = [(row, float(len(words & _words(row["text"])))) for row in rows]
            ranked = [pair for pair in ranked if pair[1]]
        ranked.sort(key=lambda pair: -pair[1])
        hits = [
            {"_id": row["id"], "_score": score, "_source": {"text": row["text"], "whole": row["whole"]}}
            for row, score in ranked[: body["size"]]
        ]
        return {"hits": {"hits": hits}}


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _cosine(left: list[float], right: list[float]) -> float:
    lengths = math.hypot(*left) * math.hypot(*right)
    return sum(a * b for a, b in zip(left, right, strict=True)) / lengths if lengths else 0.0


def _nearest(rows: list[Row], vector: list[float]) -> list[Row]:
    return sorted(rows, key=lambda row: -_cosine(row["vector"], vector))


def _columns(rows: list[Row]) -> dict[str, list[Any]]:
    return {
        "ids": [row["id"] for row in rows],
        "embeddings": [row["vector"] for row in rows],
        "documents": [row["text"] for row in rows],
        "metadatas": [row["metadata"] for row in rows],
    }


def _compare(held: Any, operator: str, value: Any) -> bool:
    if operator in {"ne", "nin"}:
        return held != value if operator == "ne" else held not in value
    if held is None:
        return False
    ways: dict[str, Callable[[], Any]] = {
        "eq": lambda: held == value,
        "in": lambda: held in value,
        "gt": lambda: held > value,
        "gte": lambda: held >= value,
        "lt": lambda: held < value,
        "lte": lambda: held <= value,
    }
    return bool(ways[operator]())


def _chroma_fits(metadata: Row, where: Any) -> bool:
    if where is None:
        return True
    conditions = where.get("$and", [where])
    return all(
        _compare(metadata.get(field), sign.removeprefix("$"), value)
        for condition in conditions
        for field, wanted in condition.items()
        for sign, value in wanted.items()
    )


def _elastic_fits(row: Row, conditions: list[Any]) -> bool:
    for condition in conditions:
        negative = "bool" in condition
        inner = condition["bool"]["must_not"][0] if negative else condition
        kind, fields = next(iter(inner.items()))
        name, wanted = next(iter(fields.items()))
        held = row["metadata"].get(name.removeprefix("metadata."))
        if kind == "range":
            fits = all(_compare(held, operator, value) for operator, value in wanted.items())
        else:
            fits = held in wanted
        if fits is negative:
            return False
    return True


_SIGNS = {"==": "eq", "!=": "ne", ">": "gt", ">=": "gte", "<": "lt", "<=": "lte", "in": "in", "not in": "nin"}
_CONDITION = re.compile(r"(\w+) (==|!=|>=|<=|>|<|not in|in) (.+)")


def _milvus_fits(row: Row, wanted: str) -> bool:
    if not wanted:
        return True
    words = re.match(r"\(?(text like .*?)\)?(?: and (?!.*like)(.*))?$", wanted)
    if words:
        parts = re.findall(r'text like "%([^"]*)%"', words[1])
        return any(part in row["text"] for part in parts) and _milvus_fits(row, words[2] or "")
    for part in wanted.split(" and "):
        match = _CONDITION.fullmatch(part)
        assert match is not None, f"the twin cannot read {part!r}"
        if not _compare(row.get(match[1]), _SIGNS[match[2]], json.loads(match[3])):
            return False
    return True
