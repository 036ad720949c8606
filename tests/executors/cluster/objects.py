"""What the API server holds: objects with versions, and the history that watches replay."""

from __future__ import annotations

import asyncio
import copy
import json
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft7Validator, Draft202012Validator

Object = dict[str, Any]
# From the ``kubernetes-validate`` package 1.37.0 (Apache 2.0): the strict schemas of Pod and Secret with
# what they refer to, descriptions left out.
_SCHEMAS = json.loads((Path(__file__).parent / "schemas" / "core-v1.37.json").read_text())
_VALIDATORS: dict[str, Draft202012Validator | Draft7Validator] = {
    kind: Draft202012Validator({**_SCHEMAS, "$ref": f"#/$defs/io.k8s.api.core.v1.{kind}"})
    for kind in ("Pod", "Secret")
}


class Refused(Exception):
    """An answer other than 2xx: its status code, reason and message."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message

    def to_json(self) -> Object:
        return {
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        }  # fmt: skip


class Objects:
    """Pods and secrets by (kind, namespace, name). Every change has a version and wakes the watches."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str, str], Object] = {}
        self._history: list[tuple[int, str, Object]] = []
        self._version = 100
        self._oldest = 100
        self._changed = asyncio.Condition()

    @property
    def version(self) -> int:
        return self._version

    def all(self, kind: str) -> list[Object]:
        return [held for (kind_, _, _), held in self._held.items() if kind_ == kind]

    async def create(self, kind: str, namespace: str, given: Object) -> Object:
        faults = list(_VALIDATORS[kind].iter_errors(given))
        if faults:
            raise Refused(422, "Invalid", f"{faults[0].instance_path}: {faults[0].message}"[:500])
        about = given.get("metadata") or {}
        name = about.get("name") or ""
        if about.get("namespace") not in (None, namespace):
            raise Refused(400, "BadRequest", "the namespace of the object does not match the request")
        if (kind, namespace, name) in self._held:
            raise Refused(409, "AlreadyExists", f'{kind.lower()}s "{name}" already exists')
        created = copy.deepcopy(given)
        created["metadata"] |= {
            "namespace": namespace,
            "uid": str(uuid.uuid4()),
            "creationTimestamp": now(),
        }
        self._held[kind, namespace, name] = created
        await self._note("ADDED", created)
        return created

    def get(self, kind: str, namespace: str, name: str) -> Object:
        held = self._held.get((kind, namespace, name))
        if held is None:
            raise Refused(404, "NotFound", f'{kind.lower()}s "{name}" not found')
        return held

    async def change(self, held: Object) -> None:
        """Tell the watches that an object's state is another."""
        await self._note("MODIFIED", held)

    async def delete(self, kind: str, namespace: str, name: str) -> Object:
        """Remove an object and everything it owns."""
        held = self.get(kind, namespace, name)
        del self._held[kind, namespace, name]
        await self._note("DELETED", held)
        uid = held["metadata"]["uid"]
        owned = [
            key
            for key, other in self._held.items()
            if any(owner["uid"] == uid for owner in other["metadata"].get("ownerReferences") or [])
        ]
        for key in owned:
            await self.delete(*key)
        return held

    def forget_history(self) -> None:
        """As a real server does after a while: older versions can be watched no more."""
        self._history.clear()
        self._oldest = self._version

    async def changes(self, kind: str, namespace: str, since: int, fit: Any) -> AsyncIterator[Object]:
        """Watch events after a version, for ever; first those that have been."""
        if since < self._oldest:
            yield {"type": "ERROR", "object": Refused(410, "Expired", "too old resource version").to_json()}
            return
        while True:
            for version, type_, held in list(self._history):
                if version <= since:
                    continue
                since = version
                if held["kind"] == kind and held["metadata"]["namespace"] == namespace and fit(held):
                    yield {"type": type_, "object": held}
            async with self._changed:
                if not self._history or self._history[-1][0] <= since:
                    await self._changed.wait()

    async def _note(self, type_: str, held: Object) -> None:
        self._version += 1
        held["metadata"]["resourceVersion"] = str(self._version)
        self._history.append((self._version, type_, copy.deepcopy(held)))
        async with self._changed:
            self._changed.notify_all()


def fits(held: Object, query: Mapping[str, str]) -> bool:
    """Whether an object fits the label and field selectors of a query (equality only)."""
    labels = held["metadata"].get("labels") or {}
    for term in filter(None, query.get("labelSelector", "").split(",")):
        key, _, value = term.replace("==", "=").partition("=")
        if labels.get(key) != value:
            return False
    for term in filter(None, query.get("fieldSelector", "").split(",")):
        key, _, value = term.replace("==", "=").partition("=")
        if key != "metadata.name":
            raise Refused(400, "BadRequest", f'field label "{key}" is not supported')
        if held["metadata"]["name"] != value:
            return False
    return True


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
