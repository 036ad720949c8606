"""Sign-up, sign-in, sign-out and password reset, as a browser does them."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from apps.accounts import services
from apps.accounts.models import Instance, Person
from apps.audit.models import AuditEntry
from apps.workspaces.models import Membership
from apps.workspaces.types import Role
from tests.world import PASSWORD, World

AUTH = "/_allauth/browser/v1"
ANN = {"email": "Ann@Example.org", "password": PASSWORD, "name": "Ann"}


class Browser:
    """A test client that carries the CSRF token like the front end does."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.client.get("/api/v1/session")

    def send(self, method: str, path: str, data: object = None) -> tuple[int, dict[str, object]]:
        headers = {"X-CSRFToken": self.client.cookies["csrftoken"].value}
        body = {} if data is None else {"data": data, "content_type": "application/json"}
        response = getattr(self.client, method)(path, headers=headers, **body)
        return response.status_code, response.json() if response.content else {}

    def sign_up(self, **fields: str) -> tuple[int, dict[str, object]]:
        return self.send("post", f"{AUTH}/auth/signup", ANN | fields)

    def sign_in(self, email: str, password: str = PASSWORD) -> int:
        return self.send("post", f"{AUTH}/auth/login", {"email": email, "password": password})[0]

    def session(self) -> dict[str, object]:
        return self.client.get("/api/v1/session").json()


@pytest.fixture(autouse=True)
def _on_this_machine_only(settings: Settings) -> None:
    """Whatever this run's environment says, the server here listens on loopback."""
    settings.CONFIG = settings.CONFIG.model_copy(update={"base_url": None, "host": "127.0.0.1"})


@pytest.fixture
def browser(db: None) -> Browser:
    return Browser()


@pytest.fixture
def reachable(settings: Settings) -> None:
    """The server listens for more than this machine."""
    settings.CONFIG = settings.CONFIG.model_copy(update={"base_url": "https://studio.example.org"})


def problems(answer: dict[str, object]) -> set[str]:
    return {error["code"] for error in answer["errors"]}  # type: ignore[attr-defined]


def test_the_first_owner_lands_in_a_workspace_of_their_own(browser: Browser) -> None:
    instance = browser.session()["instance"]
    assert (instance["needs_owner"], instance["needs_code"]) == (True, False)  # type: ignore[index]
    assert browser.sign_up()[0] == 200
    session = browser.session()
    assert session["authenticated"]
    assert session["person"]["email"] == "ann@example.org"  # type: ignore[index]
    assert session["person"]["is_admin"]  # type: ignore[index]
    workspaces = browser.client.get("/api/v1/workspaces").json()["items"]
    assert [(item["kind"], item["role"], item["name"]) for item in workspaces] == [
        ("personal", "owner", "Ann's workspace")
    ]
    assert not session["instance"]["needs_owner"]  # type: ignore[index]


@pytest.mark.usefixtures("reachable")
def test_a_reachable_instance_asks_its_first_owner_for_the_code(browser: Browser) -> None:
    code = services.owner_code()
    assert code is not None
    assert browser.session()["instance"]["needs_code"]  # type: ignore[index]
    for wrong in ("", "AAAA-BBBB-CCCC", code[:-1]):
        status, answer = browser.sign_up(owner_code=wrong)
        assert (status, problems(answer)) == (400, {"signup.owner_code"})
    assert browser.sign_up(owner_code=f" {code.lower()} ")[0] == 200
    assert services.owner_code() is None


@pytest.mark.usefixtures("reachable")
def test_the_code_works_once(browser: Browser) -> None:
    code = services.owner_code() or ""
    assert browser.sign_up(owner_code=code)[0] == 200
    status, answer = Browser().sign_up(email="eve@example.org", owner_code=code)
    assert (status, problems(answer)) == (400, {"signup.invitation"})


def test_the_second_person_needs_an_invitation(browser: Browser) -> None:
    browser.sign_up()
    status, answer = Browser().sign_up(email="eve@example.org")
    assert (status, problems(answer)) == (400, {"signup.invitation"})
    status, answer = Browser().sign_up(email="eve@example.org", invitation="made-up")
    assert (status, problems(answer)) == (400, {"invitation.invalid"})
    assert not Person.objects.filter(email="eve@example.org").exists()


def test_an_invited_person_joins_with_the_invited_role(world: World, browser: Browser) -> None:
    Instance.objects.update_or_create(id=1, defaults={"claimed_at": timezone.now()})
    made = world.owner.client.post(f"{world.url}/invitations", {"role": "editor"}).json()
    token = made["url"].rsplit("/", 1)[1]
    assert browser.client.get(f"/api/v1/invitations/{token}").json()["workspace_name"] == "Team"
    assert browser.sign_up(invitation=token)[0] == 200
    membership = Membership.objects.get(workspace=world.workspace, person__email="ann@example.org")
    assert membership.role == Role.EDITOR
    kinds = {item["kind"] for item in browser.client.get("/api/v1/workspaces").json()["items"]}
    assert kinds == {"personal", "team"}
    assert not Person.objects.get(email="ann@example.org").is_admin


def test_sign_up_is_open_when_the_setting_says_so(browser: Browser, settings: Settings) -> None:
    browser.sign_up()
    settings.CONFIG = settings.CONFIG.model_copy(update={"signup": "open"})
    assert Browser().sign_up(email="bob@example.org")[0] == 200


@pytest.mark.django_db(transaction=True)
def test_of_two_first_owners_at_once_one_wins() -> None:
    browsers = [Browser(), Browser()]
    statuses: list[int] = []

    def sign_up(number: int) -> None:
        statuses.append(browsers[number].sign_up(email=f"p{number}@example.org")[0])
        connections.close_all()

    threads = [threading.Thread(target=sign_up, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses.count(200) == 1
    assert Person.objects.filter(is_admin=True).count() == 1
    assert Person.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"email": "not an address"}, "invalid"),
        ({"email": "a" * 250 + "@example.org"}, "max_length"),
        ({"password": "short"}, "password_too_short"),
        ({"password": "password1234"}, "password_too_common"),
        ({"name": ""}, "required"),
        ({"name": "n" * 81}, "max_length"),
    ],
)
def test_bad_sign_up_fields_are_named(browser: Browser, fields: dict[str, str], code: str) -> None:
    status, answer = browser.sign_up(**fields)
    assert status == 400
    assert code in problems(answer)


def test_an_address_is_taken_in_any_case(browser: Browser, settings: Settings) -> None:
    settings.CONFIG = settings.CONFIG.model_copy(update={"signup": "open"})
    browser.sign_up()
    status, answer = Browser().sign_up(email="ANN@EXAMPLE.ORG")
    assert (status, problems(answer)) == (400, {"email_taken"})


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"email": "a\\u0000"}', b"\xff", b"[]", b'{"a":1,"a":2}', b"x" * 7_000_000]
)
def test_hostile_sign_in_bodies_are_client_errors(browser: Browser, body: bytes) -> None:
    token = browser.client.cookies["csrftoken"].value
    for route in ("auth/login", "auth/signup", "auth/password/request", "auth/password/reset"):
        response = browser.client.post(
            f"{AUTH}/{route}", data=body, content_type="application/json", headers={"X-CSRFToken": token}
        )
        assert 400 <= response.status_code < 500


def test_sign_in_and_out(world: World, browser: Browser) -> None:
    assert browser.sign_in("owner@example.org", "wrong password") == 400
    anonymous_key = browser.client.cookies.get("sessionid")
    assert browser.sign_in("OWNER@example.org") == 200
    assert browser.session()["authenticated"]
    assert anonymous_key is None or browser.client.cookies["sessionid"].value != anonymous_key.value
    assert browser.send("delete", f"{AUTH}/auth/session")[0] == 401
    assert not browser.session()["authenticated"]
    actions = list(
        AuditEntry.objects.order_by("seq").filter(scope="instance").values_list("action", flat=True)
    )
    assert actions == ["person.sign_in_failed", "person.signed_in", "person.signed_out"]


def test_a_session_is_rotated_at_sign_in_and_worthless_after_sign_out(world: World, browser: Browser) -> None:
    browser.sign_in("owner@example.org")
    first = browser.client.cookies["sessionid"].value
    browser.send("delete", f"{AUTH}/auth/session")
    thief = Client()
    thief.cookies["sessionid"] = first
    assert not thief.get("/api/v1/session").json()["authenticated"]
    browser.sign_in("owner@example.org")
    assert browser.client.cookies["sessionid"].value != first


def test_guessing_a_password_is_throttled(world: World, browser: Browser) -> None:
    statuses = [browser.sign_in("owner@example.org", f"guess {number}") for number in range(7)]
    assert 429 in statuses or browser.sign_in("owner@example.org") == 400


def test_someone_shut_out_is_out_at_once(world: World, browser: Browser) -> None:
    browser.sign_in("viewer@example.org")
    services.person_set_active(world.admin.person, world.viewer.person, is_active=False)
    assert not browser.session()["authenticated"]
    assert Browser().sign_in("viewer@example.org") != 200


def reset_key(mail: str) -> str:
    found = re.search(r"/reset\?key=(\S+)", mail)
    assert found is not None
    return found.group(1)


def test_a_forgotten_password_is_reset_by_mail_and_other_sessions_die(
    world: World, browser: Browser, mailoutbox: list[object]
) -> None:
    elsewhere = Browser()
    elsewhere.sign_in("owner@example.org")
    assert browser.send("post", f"{AUTH}/auth/password/request", {"email": "owner@example.org"})[0] == 200
    key = reset_key(mailoutbox[0].body)  # type: ignore[attr-defined]
    status, _ = browser.send(
        "post", f"{AUTH}/auth/password/reset", {"key": key, "password": "a quite new secret"}
    )
    assert status in (200, 401)
    assert not elsewhere.session()["authenticated"]
    assert browser.sign_in("owner@example.org") == 400
    assert browser.sign_in("owner@example.org", "a quite new secret") == 200
    again = Browser().send(
        "post", f"{AUTH}/auth/password/reset", {"key": key, "password": "yet another secret"}
    )
    assert again[0] == 400


def test_asking_for_a_reset_does_not_say_whether_the_address_is_known(
    world: World, browser: Browser, mailoutbox: list[object]
) -> None:
    known = browser.send("post", f"{AUTH}/auth/password/request", {"email": "owner@example.org"})
    cache.clear()
    unknown = browser.send("post", f"{AUTH}/auth/password/request", {"email": "nobody@example.org"})
    assert known == unknown
    assert len(mailoutbox) == 1


def test_without_a_mail_server_mails_are_files(
    world: World, browser: Browser, settings: Settings, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path
    browser.send("post", f"{AUTH}/auth/password/request", {"email": "owner@example.org"})
    assert "/reset?key=" in next(tmp_path.iterdir()).read_text().replace("=\n", "").replace("=3D", "=")


def test_changing_the_password_keeps_this_session_and_ends_the_others(world: World, browser: Browser) -> None:
    elsewhere = Browser()
    elsewhere.sign_in("owner@example.org")
    browser.sign_in("owner@example.org")
    change = {"current_password": PASSWORD, "new_password": "a quite new secret"}
    assert browser.send("post", f"{AUTH}/account/password/change", change)[0] == 200
    assert browser.session()["authenticated"]
    assert not elsewhere.session()["authenticated"]


def test_routes_of_the_library_that_are_not_used_do_not_exist(browser: Browser) -> None:
    for path in (
        "config",
        "account/email",
        "account/phone",
        "auth/code/request",
        "auth/reauthenticate",
        "auth/2fa/authenticate",
    ):
        assert browser.client.get(f"{AUTH}/{path}").status_code == 404


def test_passwords_are_kept_with_argon2() -> None:
    from studio_project import settings as shipped

    assert shipped.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]
