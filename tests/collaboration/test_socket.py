"""The document socket of a real server: editing together, roles, presence, hostile clients."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import suppress
from typing import Any

import pycrdt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from apps.collaboration.rooms.socket import Close
from apps.collaboration.wire import frames
from apps.collaboration.wire.frames import read_state_vector
from apps.collaboration.wire.varints import write_uint
from tests.collaboration import hostile
from tests.collaboration.client import DocClient, joined, until
from tests.collaboration.server import Place, Server


def _is_open(client: DocClient) -> bool:
    return client.close_code is None


@pytest.fixture
def flow_id(place: Place) -> str:
    return place.new_flow()


async def test_two_people_edit_and_both_end_with_the_same_flow(server: Server, flow_id: str) -> None:
    async with server.join("owner", flow_id=flow_id) as a, server.join("editor", flow_id=flow_id) as b:
        assert a.hello["role"] == "owner"
        assert a.content()["meta"]["name"] == "Another"
        for step in range(20):
            await (a if step % 2 else b).put("notes", f"n{step}", {"text": str(step)})
        await a.all_acked()
        await b.all_acked()
        await until(lambda: a.content() == b.content() and len(a.content()["notes"]) == 20)
        assert read_state_vector(a.doc.get_state()) == read_state_vector(b.doc.get_state())


async def test_what_is_acknowledged_is_in_the_journal(server: Server, flow_id: str) -> None:
    async with server.join("editor", flow_id=flow_id) as client:
        await client.put("notes", "kept", 1)
        await client.all_acked()
        script = (
            "from apps.collaboration.selectors import document_load\n"
            "from apps.collaboration.documents.library import LiveDoc\n"
            f"import json; print(json.dumps(LiveDoc(document_load({flow_id!r}).updates).dump()['notes']))"
        )
        assert json.loads(server.place.run(script)) == {"kept": 1}


async def test_many_random_edits_converge(server: Server, flow_id: str) -> None:
    chance = random.Random(7)
    async with (
        server.join("owner", flow_id=flow_id) as a,
        server.join("owner", flow_id=flow_id, query="") as b,
        server.join("editor", flow_id=flow_id) as c,
    ):
        for step in range(150):
            client = chance.choice([a, b, c])
            nodes = client.root("nodes")
            with client.doc.transaction():
                known = list(nodes.keys())
                match chance.randrange(4):
                    case 0:
                        texts = pycrdt.Map({"prompt": pycrdt.Text("é😀")})
                        nodes[f"n{step}"] = pycrdt.Map(
                            {"type": "llm", "config": pycrdt.Map({}), "texts": texts}
                        )
                    case 1 if known:
                        nodes[chance.choice(known)]["texts"]["prompt"].insert(0, f"<{step}>")
                    case 2 if known:
                        nodes[chance.choice(known)]["config"][f"k{chance.randrange(3)}"] = step
                    case _:
                        client.root("edges")[f"e{chance.randrange(9)}"] = {"at": step}
            await client.flush()
            if step % 10 == 0:
                await asyncio.sleep(0.02)
        await a.all_acked()
        await c.all_acked()
        await until(lambda: a.content() == b.content() == c.content())


async def test_a_viewer_sees_everything_and_can_change_nothing(server: Server, flow_id: str) -> None:
    async with server.join("editor", flow_id=flow_id) as editor:
        async with server.join("viewer", flow_id=flow_id) as viewer:
            assert viewer.hello["role"] == "viewer"
            await editor.put("notes", "seen", True)
            await until(lambda: "seen" in viewer.content()["notes"])
            await viewer.socket.send(frames.sync_answer(b"\x00\x00"))
            await viewer.socket.send(frames.sync_answer(viewer.doc.get_update()))
            await editor.put("notes", "again", True)
            await until(lambda: "again" in viewer.content()["notes"])
            assert _is_open(viewer)
            await viewer.put("notes", "mine", True)
            await until(lambda: viewer.close_code is not None)
            assert viewer.close_code == Close.FORBIDDEN
        async with server.join("viewer", flow_id=flow_id) as again:
            assert "mine" not in again.content()["notes"]
        assert editor.close_code is None
    audited = (
        "from apps.audit.models import AuditEntry as A\n"
        "print(A.objects.filter(action='document.write_refused').count())"
    )
    assert int(server.place.run(audited)) >= 1


async def test_a_viewer_cannot_delete_with_an_answer_that_brings_nothing_new(
    server: Server, flow_id: str
) -> None:
    async with (
        server.join("editor", flow_id=flow_id) as editor,
        server.join("viewer", flow_id=flow_id) as viewer,
    ):
        await editor.put("notes", "stays", True)
        await until(lambda: "stays" in viewer.content()["notes"])
        del viewer.root("notes")["stays"]
        await viewer.socket.send(frames.sync_answer(viewer.doc.get_update()))
        await until(lambda: viewer.close_code == Close.FORBIDDEN)
        assert "stays" in editor.content()["notes"]


async def test_strangers_pages_of_others_and_signed_out_people_get_nothing(
    server: Server, flow_id: str
) -> None:
    async with server.join("stranger", flow_id=flow_id) as stranger:
        await until(lambda: stranger.close_code is not None)
        assert stranger.close_code == Close.GONE
        assert stranger.content()["meta"] == {}
    anonymous = {"Origin": server.http}
    async with joined(server.url(flow_id=flow_id), anonymous) as nobody:
        await until(lambda: nobody.close_code is not None)
        assert nobody.close_code == Close.SIGNED_OUT
    for origin in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {}):
        cookie = {"Cookie": server.place.staged["cookies"]["owner"], **origin}
        with pytest.raises(InvalidStatus):
            async with connect(server.url(flow_id=flow_id), additional_headers=cookie):
                pass


async def test_an_old_lineage_is_sent_away_for_good(server: Server, flow_id: str) -> None:
    async with server.join("editor", flow_id=flow_id, query="ext=1&epoch=7", synced=False) as client:
        await until(lambda: client.close_code is not None)
        assert client.close_code == Close.STALE_EPOCH
    async with server.join("editor", flow_id=flow_id, query="ext=1&epoch=1") as client:
        assert client.hello["epoch"] == 1


async def test_presence_carries_the_session_s_name_and_goes_with_the_socket(
    server: Server, flow_id: str
) -> None:
    async with server.join("owner", flow_id=flow_id) as owner:
        async with server.join("viewer", flow_id=flow_id) as viewer:
            await viewer.say_presence({"cursor": {"x": 1, "y": 2}, "user": {"name": "Somebody else"}})
            await until(lambda: owner.presence)
            shown = owner.presence[viewer.doc.client_id]
            assert shown is not None
            assert shown["user"]["name"] == "Viewer"
            assert shown["cursor"] == {"x": 1, "y": 2}
            async with server.join("editor", flow_id=flow_id) as late:
                await until(lambda: viewer.doc.client_id in late.presence)
        await until(lambda: owner.presence[viewer.doc.client_id] is None)


@pytest.mark.parametrize("state", ['{"x": NaN}', '{"x": 1e999}', r'{"x": "\ud800"}', r'{"\udfff": 1}'])
async def test_presence_no_browser_can_read_reaches_nobody(server: Server, place: Place, state: str) -> None:
    flow_id = place.new_flow()
    async with (
        server.join("owner", flow_id=flow_id) as owner,
        server.join("viewer", flow_id=flow_id) as viewer,
    ):
        await viewer.socket.send(frames.presence([frames.presence_entry(777, 1, state)]))
        await owner.say_presence({"cursor": 1})
        await until(lambda: owner.doc.client_id in viewer.presence)
        async with server.join("editor", flow_id=flow_id) as late:
            await until(lambda: owner.doc.client_id in late.presence)
            assert 777 not in late.presence
        assert 777 not in owner.presence


async def test_more_than_a_megabyte_of_offline_work_is_taken_and_opens_for_others(
    server: Server, flow_id: str
) -> None:
    async with server.join("editor", flow_id=flow_id) as client:
        doc = client.doc
    with doc.transaction():
        for number in range(15):
            client.root("notes")[f"n{number}"] = "x" * 250_000
    async with server.join("editor", flow_id=flow_id, doc=doc) as back:
        await until(lambda: back.acked_seq > 0)
        assert back.close_code is None
    async with server.join("viewer", flow_id=flow_id) as viewer:
        assert len(viewer.content()["notes"]) == 15


async def test_nobody_speaks_for_another_s_presence(server: Server, flow_id: str) -> None:
    async with (
        server.join("owner", flow_id=flow_id) as owner,
        server.join("editor", flow_id=flow_id) as editor,
    ):
        await owner.put("notes", "mine", 1)  # binds the id to its person
        await owner.all_acked()
        await owner.say_presence({"cursor": 1})
        await editor.say_presence({"cursor": 2})
        await until(lambda: owner.doc.client_id in editor.presence and editor.doc.client_id in owner.presence)
        await editor.say_presence({"cursor": "forged"}, client_id=owner.doc.client_id, clock=2**52)
        async with server.join("viewer", flow_id=flow_id) as third:
            await third.say_presence({"cursor": "forged"}, client_id=owner.doc.client_id)
            await asyncio.sleep(0.1)
        await owner.say_presence({"cursor": "real"}, clock=2)
        await until(lambda: (editor.presence[owner.doc.client_id] or {}).get("cursor") == "real")


async def test_a_client_id_belongs_to_its_first_person(server: Server, flow_id: str) -> None:
    async with (
        server.join("owner", flow_id=flow_id) as owner,
        server.join("editor", flow_id=flow_id) as editor,
    ):
        await owner.put("notes", "a", 1)
        await owner.all_acked()
        clock = 1
        forged = hostile.text_value("forged", client=owner.doc.client_id, clock=clock, key="b")
        await editor.socket.send(frames.sync_update(forged))
        await until(lambda: editor.close_code is not None)
        assert editor.close_code == Close.FORBIDDEN
        await owner.put("notes", "b", "real")
        await owner.all_acked()
    async with server.join("viewer", flow_id=flow_id) as viewer:
        assert viewer.content()["notes"]["b"] == "real"


async def test_a_person_s_own_client_may_come_back_and_bring_what_was_not_saved(
    server: Server, flow_id: str
) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    async with server.join("editor", flow_id=flow_id, doc=doc) as client:
        await client.put("notes", "online", 1)
        await client.all_acked()
    doc.get("notes", type=pycrdt.Map)["offline"] = 2
    async with server.join("editor", flow_id=flow_id, doc=doc) as client:
        await client.all_acked()
    async with server.join("viewer", flow_id=flow_id) as viewer:
        assert viewer.content()["notes"] == {"online": 1.0, "offline": 2.0}


async def test_a_gap_is_refused_and_healed_by_asking_for_everything(server: Server, flow_id: str) -> None:
    async with (
        server.join("editor", flow_id=flow_id) as client,
        server.join("owner", flow_id=flow_id) as other,
    ):
        client.root("notes")["first"] = 1
        client._outbox.clear()  # the first change never arrives
        await client.put("notes", "second", 2)
        await client.all_acked()
        await until(lambda: other.content()["notes"] == {"first": 1.0, "second": 2.0})


def _hostile_frames() -> dict[str, bytes]:
    update = frames.sync_update
    found = {f"claims many {name}": update(body) for name, body in hostile.false_counts().items()}
    found |= {f"brings {name}": update(body) for name, body in hostile.foreign_contents().items()}
    found |= {
        "nests values deeply": update(hostile.deep_value(30_000)),
        "nests values less deeply": update(hostile.deep_value(4_000)),
        "stacks shared maps": update(hostile.deep_maps(5_000)),
        "sends a state vector without an end": b"\x00\x00\x05" + write_uint(2**28),
        "sends a number without an end": b"\xff" * 200_000,
        "sends an unknown type": b"\x64\x00",
        "sends two frames in one": frames.presence_query() * 2,
        "sends too much at once": update(b"\x00" * 300_000),
        "sends clock beyond all": update(hostile.text_value("x", clock=2**31)),
        "sends presence of thousands": frames.presence(
            [frames.presence_entry(n, 1, "{}") for n in range(5_000)]
        ),
        "sends odd varints": b"\x80\x00\x82\x00\x02\x00\x00",
    }
    return found


@pytest.mark.parametrize("name", _hostile_frames())
async def test_hostile_frames_end_their_sender_and_nobody_else(server: Server, name: str) -> None:
    flow_id = server.place.flow_id
    async with server.join("owner", flow_id=flow_id) as bystander:
        async with server.join("editor", flow_id=flow_id) as attacker:
            await attacker.socket.send(_hostile_frames()[name])
            await until(lambda: attacker.close_code is not None)
            assert attacker.close_code in (Close.MALFORMED, Close.TOO_BIG, Close.FORBIDDEN)
        await bystander.put("notes", "alive", name)
        await bystander.all_acked()
        assert bystander.close_code is None


async def test_deep_stacks_cannot_be_built_over_many_updates(server: Server, flow_id: str) -> None:
    async with server.join("owner", flow_id=flow_id) as bystander:
        async with server.join("editor", flow_id=flow_id) as attacker:
            client = attacker.doc.client_id
            await attacker.socket.send(frames.sync_update(hostile.deep_maps(20, client=client)))
            clock = 20
            while attacker.close_code is None:
                item = hostile.inside(hostile.ITEM_TYPE, b"\x01", client=client, clock=clock - 1)
                frame = frames.sync_update(hostile.update([item], client=client, clock=clock))
                with suppress(ConnectionClosed):
                    await attacker.socket.send(frame)
                clock += 1
                await asyncio.sleep(0.005)
            assert attacker.close_code == Close.FORBIDDEN
            assert clock < 64
        await bystander.put("notes", "alive", 1)
        await bystander.all_acked()


async def test_floods_are_cut_off(server: Server, flow_id: str) -> None:
    async with server.join("owner", flow_id=flow_id) as bystander:
        async with server.join("editor", flow_id=flow_id) as attacker:
            # Reads between its frames: one that only writes resets the connection, and the reason with it.
            async with asyncio.timeout(90):
                while attacker.close_code is None:
                    with suppress(ConnectionClosed):
                        await attacker.socket.send(frames.presence_query())
                    await asyncio.sleep(0)
            assert attacker.close_code == Close.TOO_FAST
        await bystander.put("notes", "alive", 1)
        await bystander.all_acked()


async def test_a_changed_role_flips_the_open_socket_within_a_second(server: Server, flow_id: str) -> None:
    def set_role(role: str) -> None:
        server.place.run(
            "from apps.workspaces.models import Membership as M\n"
            f"M.objects.filter(person__email='viewer@example.org').update(role={role!r})"
        )

    async with server.join("viewer", flow_id=flow_id) as client:
        await asyncio.to_thread(set_role, "editor")
        await until(lambda: client.roles == ["editor"], 1.5)
        await client.put("notes", "now", 1)
        await client.all_acked()
        await asyncio.to_thread(set_role, "viewer")
        await until(lambda: client.roles == ["editor", "viewer"], 1.5)
        await client.put("notes", "too late", 1)
        await until(lambda: client.close_code == Close.FORBIDDEN)


async def test_signing_out_ends_the_socket_within_a_second(server: Server, flow_id: str) -> None:
    key = server.place.run(
        "from django.contrib.sessions.backends.db import SessionStore\n"
        "from django.contrib.auth import SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY\n"
        "from apps.accounts.models import Person\n"
        "p=Person.objects.get(email='owner@example.org'); s=SessionStore(); s[SESSION_KEY]=str(p.pk)\n"
        "s[BACKEND_SESSION_KEY]='allauth.account.auth_backends.AuthenticationBackend'\n"
        "s[HASH_SESSION_KEY]=p.get_session_auth_hash(); s.create(); print(s.session_key)"
    )
    headers = {"Cookie": f"sessionid={key}", "Origin": server.http}
    async with joined(server.url(flow_id=flow_id), headers) as client:
        assert client.hello["role"] == "owner"
        out = (
            f"from django.contrib.sessions.models import Session; Session.objects.filter(pk={key!r}).delete()"
        )
        await asyncio.to_thread(server.place.run, out)
        await until(lambda: client.close_code == Close.SIGNED_OUT, 1.5)


async def test_a_patch_over_http_is_seen_live_with_its_author(server: Server, flow_id: str) -> None:
    async with (
        server.join("viewer", flow_id=flow_id) as viewer,
        server.join("editor", flow_id=flow_id) as editor,
    ):
        await editor.put("notes", "before", 1)
        await asyncio.to_thread(_rename, server, flow_id, "Renamed from outside")
        await until(lambda: viewer.content()["meta"]["name"] == "Renamed from outside")
        await until(lambda: viewer.changes)
        assert viewer.changes[-1]["origin"] == "api"
        assert viewer.changes[-1]["by"] == server.place.staged["people"]["editor"]
        await editor.put("notes", "after", 1)
        await editor.all_acked()
        await until(lambda: set(viewer.content()["notes"]) == {"before", "after"})


def _rename(server: Server, flow_id: str, name: str) -> None:
    server.place.run(
        "from apps.collaboration.services import patch_apply\n"
        "from apps.accounts.models import Person\n"
        "from sage_studio.flow import parse_patch\n"
        "p = parse_patch({'schema': 'sage-studio/patch@1', 'summary': 'why', 'operations':"
        f" [{{'op': 'set_flow', 'path': ['name'], 'value': {name!r}}}]}})\n"
        f"patch_apply(Person.objects.get(email='editor@example.org'), '{flow_id}', p)"
    )


async def test_an_archived_flow_closes_its_room(server: Server, flow_id: str) -> None:
    async with server.join("owner", flow_id=flow_id) as client:
        archive = (
            "from apps.flows.models import Flow; from django.utils import timezone\n"
            f"Flow.objects.filter(pk={flow_id!r}).update(archived_at=timezone.now())"
        )
        await asyncio.to_thread(server.place.run, archive)
        await until(lambda: client.close_code == Close.GONE)


async def test_lists_show_the_new_name_shortly_after_an_edit(server: Server, flow_id: str) -> None:
    async with server.join("owner", flow_id=flow_id) as client:
        await client.put("meta", "name", "Edited live")
        await client.all_acked()
        read = f"from apps.flows.models import Flow; print(Flow.objects.get(pk={flow_id!r}).name)"
        async with asyncio.timeout(90):
            while await asyncio.to_thread(server.place.run, read) != "Edited live":
                await asyncio.sleep(0.3)


async def test_garbage_and_text_messages_are_refused(server: Server, flow_id: str) -> None:
    async with server.join("owner", flow_id=flow_id) as client:
        await client.socket.send("hello")
        await until(lambda: client.close_code == Close.MALFORMED)
    with pytest.raises(InvalidStatus):
        async with connect(f"ws://127.0.0.1:{server.port}/ws/doc/not-an-id"):
            pass


async def test_stock_clients_without_extensions_get_no_frames_of_ours(server: Server, flow_id: str) -> None:
    async with server.join("editor", flow_id=flow_id, query="") as client:
        await client.put("notes", "x", 1)
        async with server.join("viewer", flow_id=flow_id) as viewer:
            await until(lambda: "x" in viewer.content()["notes"])
        assert client.hello == {}
        assert client.acked == 0
        assert isinstance(client, DocClient)


async def test_a_reader_that_pauses_gets_everything_in_order_once_it_goes_on(
    server: Server, flow_id: str
) -> None:
    """More than the system takes at once: what is written later must not overtake what waits."""
    async with server.join("owner", flow_id=flow_id) as writer:
        for part in range(4):
            await writer.put("notes", f"long{part}", "x" * 200_000)
        await writer.all_acked()
        url, headers = server.url(flow_id=flow_id), server.headers("viewer")
        async with connect(
            url, additional_headers=headers, max_size=None, max_queue=1, compression=None
        ) as paused:
            for _ in range(10):
                await paused.send(frames.sync_request(pycrdt.Doc().get_state()))
            for step in range(10):
                await writer.put("notes", f"n{step}", step)
            await writer.all_acked()
            late = DocClient(paused)
            await late.start()
            await until(lambda: late.content() == writer.content() or late.close_code is not None)
            assert late.close_code is None
