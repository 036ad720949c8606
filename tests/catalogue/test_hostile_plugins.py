"""Plug-ins that mean harm: what their code can reach, and what becomes of the run and its process."""

from __future__ import annotations

import asyncio
import shutil
import uuid
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from apps.catalogue.inspection import inspect_package
from apps.catalogue.unpacking import folder_of
from sage_studio.engine.executors import NodeCall
from sage_studio.kernel import SageError
from sage_studio.plugins.isolated.held import MAX_LINES
from sage_studio.plugins.isolated.stand_in import IsolatedPlugin
from tests.catalogue.making import NODE, archive, plugin, plugin_files
from tests.executors.support import Voice

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed"),
]
SECRET_PLACE = "SAGE_SECRET_KEY"
# Every trick is a branch of one node: its process is started once and replaced when a trick ends it.
TRICKS = f"""
import asyncio, os, socket, sys
if what == "environment":
    return {{"said": sorted(os.environ)}}
if what == "files":
    seen = []
    for path in ("/etc/passwd", "/var", "/home", {str(Path.cwd())!r} + "/manage.py", ctx.config["place"]):
        try:
            seen.append(os.listdir(path) if os.path.isdir(path) else open(path).read())
        except OSError as error:
            seen.append(type(error).__name__)
    return {{"said": seen}}
if what == "write":
    open(__file__, "a")
if what == "socket":
    with socket.socket() as outward:
        outward.connect(("127.0.0.1", int(ctx.config["place"])))
if what == "spawn":
    os.fork()
if what == "processes":
    return {{"said": os.listdir("/proc") if os.path.isdir("/proc") else []}}
if what == "host":
    return {{"said": (await ctx.http.request("GET", "http://evil.example.com/")).status}}
if what == "own":
    return {{"said": (await ctx.http.request("GET", "/healthz")).status}}
if what == "secret":
    return {{"said": dict(await ctx.credential("key"))}}
if what == "write_file":
    return {{"said": await ctx.files.write("a.txt", "text/plain", b"x")}}
if what == "model":
    return {{"said": await ctx.llm.chat([])}}
if what == "private":
    return {{"said": await ctx._talk.ask("context.__class__", [[], {{}}])}}
if what == "crash":
    os.abort()
if what == "memory":
    held = [bytearray(1 << 28) for _ in range(64)]
if what == "flood":
    for number in range({MAX_LINES} + 50):
        ctx.log("x" * 20_000)
    sys.stdout.write("y" * (1 << 20))
    return {{"said": "done"}}
if what == "big":
    return {{"said": b"x" * (65 << 20)}}
if what == "deaf":
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass
return {{"said": what}}
"""
REST = """
place = Field(name="place", label=text("Place", "位置"))
Say.spec = Say.spec.model_copy(update={"config": (*Say.spec.config, place)})
"""


def key_of(content: bytes) -> str:
    return f"sha256:{uuid.uuid5(uuid.NAMESPACE_OID, repr(content)).hex * 2}"


def looked_at(content: bytes) -> Any:
    return inspect_package(key_of(content), content)[1]


@pytest.fixture(scope="module")
def content() -> bytes:
    return plugin(TRICKS, permissions='hosts=("api.example.org",), code=False', rest=REST)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def place(content: bytes) -> AsyncIterator[IsolatedPlugin]:
    known = await asyncio.to_thread(looked_at, content)
    folder = folder_of(key_of(content), lambda: content)

    async def kind_of(name: str) -> str:
        return "api_key"

    place = IsolatedPlugin(known, lambda: folder, kind_of)
    yield place
    await place.close()


@pytest.fixture
def voice(tmp_path: Path) -> Iterator[Voice]:
    with Voice(tmp_path) as voice:
        yield voice


async def do(place: IsolatedPlugin, voice: Voice, what: str, beside: str = "") -> Any:
    call = NodeCall(
        type=NODE, version="1.0.0", origin="", config={"what": what, "place": beside}, inputs={}, node_id="n1"
    )
    return (await place.run(replace(call, run_id="run-1"), voice.context(call)))["said"]


async def refused(place: IsolatedPlugin, voice: Voice, what: str, beside: str = "") -> str:
    """The code of what it meets, or the kind of error."""
    with pytest.raises((SageError, OSError)) as caught:
        await do(place, voice, what, beside)
    return caught.value.code.code if isinstance(caught.value, SageError) else type(caught.value).__name__


async def test_it_sees_no_environment_no_files_and_no_other_process(
    place: IsolatedPlugin, voice: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_PLACE, "very secret")
    secret = tmp_path / "another-workspace"
    secret.write_text("theirs")
    assert SECRET_PLACE not in await do(place, voice, "environment")
    seen = await do(place, voice, "files", str(secret))
    assert all(found in ("FileNotFoundError", "PermissionError", []) for found in seen), seen
    assert len(await do(place, voice, "processes")) <= 3
    assert await refused(place, voice, "write") in ("OSError", "PermissionError")


async def test_it_has_no_network_and_starts_nothing(place: IsolatedPlugin, voice: Voice) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await refused(place, voice, "socket", str(port)) in ("OSError", "PermissionError")
    assert await refused(place, voice, "spawn") in ("OSError", "PermissionError", "BlockingIOError")


@pytest.mark.parametrize(
    ("what", "code"),
    [
        ("host", "plugin.host_not_consented"),
        ("own", "plugin.not_consented"),
        ("secret", "plugin.not_consented"),
        ("write_file", "plugin.not_consented"),
        ("model", "plugin.not_consented"),
        ("private", "executor.not_offered"),
    ],
)
async def test_it_gets_only_what_was_consented_to(
    place: IsolatedPlugin, voice: Voice, what: str, code: str
) -> None:
    assert await refused(place, voice, what) == code


async def test_what_ends_its_process_fails_the_node_and_nothing_else(
    place: IsolatedPlugin, voice: Voice
) -> None:
    assert await refused(place, voice, "crash") == "executor.process_ended"
    assert await refused(place, voice, "big") in ("executor.bad_message", "executor.too_big")
    assert await refused(place, voice, "memory") in ("executor.process_ended", "node.crashed")
    assert await do(place, voice, "still here") == "still here"


async def test_a_flood_of_lines_is_cut(place: IsolatedPlugin, voice: Voice) -> None:
    assert await do(place, voice, "flood") == "done"
    lines = voice.lines()
    assert len(lines) == MAX_LINES + 1
    assert max(map(len, lines)) < 20_000


async def test_one_that_ignores_being_stopped_is_ended(place: IsolatedPlugin, voice: Voice) -> None:
    task = asyncio.create_task(do(place, voice, "deaf"))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(60):
            await task
    assert await do(place, voice, "next") == "next"


def link() -> bytes:
    sink = BytesIO()
    with zipfile.ZipFile(sink, "w") as made:
        entry = zipfile.ZipInfo("acme/secrets")
        entry.external_attr = 0o120777 << 16
        made.writestr(entry, "/etc/passwd")
        for name, text in plugin_files().items():
            made.writestr(name, text)
    return sink.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        archive({**plugin_files(), "../escaped.py": "x"}),
        archive({**plugin_files(), "/etc/cron.d/x": "x"}),
        archive({**plugin_files(), "acme/__init__.py/x": "x"}),
        archive({**plugin_files(), "bomb": bytes(80 << 20)}),
        archive({f"f{i}": "" for i in range(5_000)}),
        link(),
        b"PK\x03\x04 this is none",
        plugin(rest="print('{\"plugin\": {\"id\": \"lie\"}}'); import os; os._exit(0)"),
        plugin(rest="Say.spec = Say.spec.model_copy(update={'trigger': True})"),
    ],
    ids=[
        "up", "absolute", "file as folder", "bomb", "many", "link", "broken", "lies", "steers",
    ],
)  # fmt: skip
async def test_a_bad_package_is_refused_and_leaves_nothing(content: bytes, settings: Any) -> None:
    with pytest.raises(SageError) as refused:
        await asyncio.to_thread(looked_at, content)
    assert refused.value.code.code.startswith("plugin.")
    assert refused.value.message("zh")
    left = [folder.name for folder in (Path(settings.DATA_DIR) / "plugins").iterdir() if "-" in folder.name]
    assert left == []


async def test_an_archive_cannot_say_that_it_has_no_code(place: IsolatedPlugin) -> None:
    assert place.plugin.permissions.code is True
