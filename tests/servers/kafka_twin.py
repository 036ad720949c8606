"""A twin of Kafka's wire protocol, because no broker can be had here.

It speaks ApiVersions 0, Metadata 1, Produce 3, ListOffsets 1 and Fetch 4, keeps record batches as they came,
and knows no groups, transactions or replicas. Shapes are decoded by aiokafka's own schemas: what a real
broker would say to odd requests is not tested by it.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import struct
from collections.abc import AsyncIterator
from typing import Any

from aiokafka.protocol.admin import ApiVersionResponse_v0
from aiokafka.protocol.fetch import FetchRequest_v4, FetchResponse_v4
from aiokafka.protocol.metadata import MetadataRequest_v1, MetadataResponse_v1
from aiokafka.protocol.offset import OffsetRequest_v1, OffsetResponse_v1
from aiokafka.protocol.produce import ProduceRequest_v3, ProduceResponse_v3

PRODUCE, FETCH, OFFSETS, METADATA, VERSIONS = 0, 1, 2, 3, 18
_KNOWN = {PRODUCE: 3, FETCH: 4, OFFSETS: 1, METADATA: 1, VERSIONS: 0}


class KafkaTwin:
    """``advertised`` is where it tells clients to connect to."""

    def __init__(self, topics: dict[str, int]) -> None:
        self.logs: dict[tuple[str, int], list[tuple[int, int, bytes]]] = {
            (name, number): [] for name, count in topics.items() for number in range(count)
        }
        self.port = 0
        self.advertised = ""
        self._came = asyncio.Condition()

    def end(self, place: tuple[str, int]) -> int:
        log = self.logs[place]
        return log[-1][0] + log[-1][1] if log else 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                [size] = struct.unpack(">i", await reader.readexactly(4))
                body = io.BytesIO(await reader.readexactly(size))
                key, _version, correlation_id, named = struct.unpack(">hhih", body.read(10))
                body.read(max(named, 0))
                answer = await self._answer(key, body)
                payload = struct.pack(">i", correlation_id) + answer.encode()
                writer.write(struct.pack(">i", len(payload)) + payload)
                await writer.drain()
        writer.close()

    async def _answer(self, key: int, body: io.BytesIO) -> Any:
        if key == VERSIONS:
            return ApiVersionResponse_v0(0, [(api, version, version) for api, version in _KNOWN.items()])
        if key == METADATA:
            return self._metadata(MetadataRequest_v1.decode(body).topics)
        if key == PRODUCE:
            return await self._produce(ProduceRequest_v3.decode(body))
        if key == OFFSETS:
            return self._offsets(OffsetRequest_v1.decode(body))
        return await self._fetch(FetchRequest_v4.decode(body))

    def _metadata(self, wanted: list[str] | None) -> MetadataResponse_v1:
        names = sorted({name for name, _number in self.logs})
        topics: list[Any] = []
        for name in names if wanted is None else wanted:
            numbers = sorted(number for topic, number in self.logs if topic == name)
            topics.append(
                (0 if numbers else 3, name, False, [(0, number, 1, [1], [1]) for number in numbers])
            )
        return MetadataResponse_v1([(1, self.advertised or "127.0.0.1", self.port, None)], 1, topics)

    async def _produce(self, request: Any) -> ProduceResponse_v3:
        answers = []
        for topic, partitions in request.topics:
            done = []
            for number, batch in partitions:
                place = (topic, number)
                first, [count] = self.end(place), struct.unpack_from(">i", batch, 57)
                self.logs[place].append((first, count, struct.pack(">q", first) + batch[8:]))
                done.append((number, 0, first, -1))
            answers.append((topic, done))
        async with self._came:
            self._came.notify_all()
        return ProduceResponse_v3(answers, 0)

    def _offsets(self, request: Any) -> OffsetResponse_v1:
        answers = []
        for topic, partitions in request.topics:
            found = [(n, 0, -1, 0 if at == -2 else self.end((topic, n))) for n, at in partitions]
            answers.append((topic, found))
        return OffsetResponse_v1(answers)

    async def _fetch(self, request: Any) -> FetchResponse_v4:
        def found() -> list[Any]:
            return [
                (
                    topic,
                    [
                        (n, 0, self.end((topic, n)), -1, [], self._batches((topic, n), at))
                        for n, at, _max in parts
                    ],
                )
                for topic, parts in request.topics
            ]

        answers = found()
        if not any(part[5] for _topic, parts in answers for part in parts):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(request.max_wait_time / 1000), self._came:
                    await self._came.wait()
            answers = found()
        return FetchResponse_v4(0, answers)

    def _batches(self, place: tuple[str, int], offset: int) -> bytes:
        return b"".join(batch for first, count, batch in self.logs[place] if first + count > offset)


@contextlib.asynccontextmanager
async def kafka_twin(**topics: int) -> AsyncIterator[KafkaTwin]:
    twin = KafkaTwin(topics)
    server = await asyncio.start_server(twin.serve, "127.0.0.1", 0)
    twin.port = server.sockets[0].getsockname()[1]
    try:
        yield twin
    finally:
        server.close()
