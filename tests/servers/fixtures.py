"""One server of each kind per test process, started when a test first asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import brokers, databases, storage
from tests.servers.certificates import Authority
from tests.servers.databases import Database
from tests.servers.mail import MailServer
from tests.servers.starting import free_port


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs the certificates of servers under test."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="session")
def postgres_server(authority: Authority) -> Iterator[Database]:
    """PostgreSQL on TCP, with a password and TLS for ``localhost``."""
    with databases.postgres(authority.issue("localhost")) as made:
        yield made


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """MariaDB on TCP, with a password."""
    if databases.mariadb_binary() is None:
        pytest.skip("no MariaDB on this machine")
    with databases.mariadb(tmp_path_factory.mktemp("mariadb")) as made:
        yield made


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a Valkey with ``brokers.PASSWORD``."""
    with brokers.valkey(tmp_path_factory.mktemp("valkey"), brokers.PASSWORD) as port:
        yield port


@pytest.fixture(scope="session")
def rabbitmq_tls(authority: Authority) -> brokers.Encrypted:
    """Where ``rabbitmq_server`` listens with TLS."""
    return brokers.Encrypted(free_port(), authority.issue("localhost"), authority.ca)


@pytest.fixture(scope="session")
def mosquitto_tls(authority: Authority) -> brokers.Encrypted:
    """Where ``mosquitto_server`` listens with TLS."""
    return brokers.Encrypted(free_port(), authority.issue("localhost"), authority.ca)


@pytest.fixture(scope="session")
def rabbitmq_server(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq_tls: brokers.Encrypted
) -> Iterator[int]:
    """The port of a RabbitMQ; ``guest`` may come in."""
    if brokers.rabbitmq_binary() is None:
        pytest.skip("no RabbitMQ on this machine")
    with brokers.rabbitmq(tmp_path_factory.mktemp("rabbitmq"), rabbitmq_tls) as port:
        yield port


@pytest.fixture(scope="session")
def mosquitto_server(
    tmp_path_factory: pytest.TempPathFactory, mosquitto_tls: brokers.Encrypted
) -> Iterator[int]:
    """The port of a Mosquitto; ``sage`` may come in with ``brokers.PASSWORD``."""
    if brokers.mosquitto_binary() is None:
        pytest.skip("no Mosquitto on this machine")
    with brokers.mosquitto(tmp_path_factory.mktemp("mosquitto"), encrypted=mosquitto_tls) as port:
        yield port


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3-compatible server."""
    with storage.s3() as address:
        yield address


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    """A plain SMTP server with an empty box."""
    with MailServer() as server:
        yield server
