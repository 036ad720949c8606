"""The providers people already use connect to our rooms and converge."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path

import pytest

from apps.collaboration.documents.library import LiveDoc
from infra.setup import node
from tests.collaboration.server import ROOT, Server

MODULES = ROOT / "frontend"
PROGRAM = Path(__file__).with_name("stock.mjs")


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_stock_y_websocket_providers_converge_through_disconnects(server: Server, seed: int) -> None:
    if not (MODULES / "node_modules" / "y-websocket").is_dir():
        pytest.skip("the front end's packages are not installed")
    flow_id = server.place.new_flow()
    cookies = "|".join(server.place.staged["cookies"][name] for name in ("owner", "editor"))
    arguments = [str(MODULES), f"ws://127.0.0.1:{server.port}/ws/doc", flow_id, server.http, cookies]
    process = await asyncio.create_subprocess_exec(
        node.choose().binary, PROGRAM, *arguments, "6", "400", str(seed), stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(300):
        output, _ = await process.communicate()
    found = json.loads(output)
    assert found["connected"]
    assert found["converged"], {key: found[key] for key in ("states", "contents")}
    assert found["everyoneSeen"], "everybody sees everybody, also after reconnects"
    assert set(found["names"]) - {""} == {"Owner", "Editor"}  # a client does not stamp itself
    script = (
        "import base64\nfrom apps.collaboration.selectors import document_load\n"
        "from apps.collaboration.documents.library import LiveDoc\n"
        f"print(base64.b64encode(LiveDoc(document_load({flow_id!r}).updates).encode()).decode())"
    )
    stored = LiveDoc([base64.b64decode(server.place.run(script))])
    assert len(stored.dump()["nodes"]) == found["nodes"]
