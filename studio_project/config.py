"""The environment, read once into one typed object; bad values are refused with a readable message.

Every setting may be given as a file: ``SAGE_SECRET_KEY_FILE=/run/secrets/key`` is read when
``SAGE_SECRET_KEY`` is absent. Without ``DATABASE_URL`` the studio runs embedded: SQLite and keys
made on first start, all under ``SAGE_DATA_DIR``. With it the studio is in production and makes
nothing up.
"""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
_MIN_KEY_LENGTH = 32
_SCHEMES = {
    "database_url": {"postgres", "postgresql"},
    "redis_url": {"redis", "rediss", "unix"},
    "email_url": {"smtp", "smtps"},
    "blob_url": {"s3"},
    "base_url": {"http", "https"},
}


class ConfigError(Exception):
    """The environment cannot be used; the message names each setting and what is wrong with it."""


class Config(BaseSettings):
    """Everything an operator can set (CONTRACTS, "Settings")."""

    model_config = SettingsConfigDict(extra="ignore", hide_input_in_errors=True)

    data_dir: Path = Field(Path(".data"), alias="SAGE_DATA_DIR")
    host: str = Field("127.0.0.1", alias="SAGE_HOST")
    port: int = Field(8080, alias="SAGE_PORT", ge=1, le=65535)
    base_url: str | None = Field(None, alias="SAGE_BASE_URL")
    secret_key: SecretStr | None = Field(None, alias="SAGE_SECRET_KEY")
    credential_keys: Annotated[list[SecretStr], NoDecode] = Field([], alias="SAGE_CREDENTIAL_KEYS")
    database_url: SecretStr | None = Field(None, alias="DATABASE_URL")
    redis_url: SecretStr | None = Field(None, alias="REDIS_URL")
    blob_url: SecretStr | None = Field(None, alias="SAGE_BLOB_URL")
    workers: int = Field(1, alias="SAGE_WORKERS", ge=0, le=64)
    # Runs one worker process holds at once, and the share of memory in use above which it takes no more.
    worker_runs: int = Field(1000, alias="SAGE_WORKER_RUNS", ge=1, le=100_000)
    memory_ceiling: float = Field(0.92, alias="SAGE_MEMORY_CEILING", gt=0, le=1)
    # Processes per worker for nodes that compute (0: one per processor); they start when first needed.
    processes: int = Field(0, alias="SAGE_PROCESSES", ge=0, le=256)
    # Resource classes whose node jobs the workers of this machine do.
    queues: Annotated[list[Literal["default", "cpu", "memory", "gpu"]], NoDecode] = Field(
        ["default", "cpu", "memory"], alias="SAGE_QUEUES"
    )
    ray_cluster: str = Field("", alias="SAGE_RAY_CLUSTER")
    kubernetes_image: str = Field("", alias="SAGE_KUBERNETES_IMAGE")
    kubernetes_namespace: str = Field("sage-studio", alias="SAGE_KUBERNETES_NAMESPACE")
    kubernetes_home: str = Field("", alias="SAGE_KUBERNETES_HOME")
    max_upload_mb: int = Field(100, alias="SAGE_MAX_UPLOAD_MB", ge=1, le=10_000)
    workspace_quota_mb: int = Field(50_000, alias="SAGE_WORKSPACE_QUOTA_MB", ge=0)
    email_url: SecretStr | None = Field(None, alias="SAGE_EMAIL_URL")
    anthropic_api_key: SecretStr | None = Field(None, alias="ANTHROPIC_API_KEY")
    anthropic_base_url: str | None = Field(None, alias="ANTHROPIC_BASE_URL")
    allow_unsafe_database: bool = Field(False, alias="SAGE_ALLOW_UNSAFE_DATABASE")
    signup: Literal["invite", "open"] = Field("invite", alias="SAGE_SIGNUP")
    trusted_proxies: Annotated[list[IpNetwork], NoDecode] = Field([], alias="SAGE_TRUSTED_PROXIES")
    allow_private_network: Annotated[list[IpNetwork], NoDecode] = Field(
        [], alias="SAGE_ALLOW_PRIVATE_NETWORK"
    )
    # Rules for plug-ins of workspaces: ``name=allow``, ``=deny``, ``=<version or sha256:…>``, ``*`` for all.
    plugin_rules: Annotated[list[str], NoDecode] = Field([], alias="SAGE_PLUGIN_RULES")
    log_format: Literal["auto", "json", "console"] = Field("auto", alias="SAGE_LOG_FORMAT")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", alias="SAGE_LOG_LEVEL")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what ``load`` hands in: it has already merged the environment with ``_FILE`` values."""
        return (init_settings,)

    @field_validator(
        "trusted_proxies", "allow_private_network", "credential_keys", "queues", "plugin_rules", mode="before"
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )

    @field_validator("plugin_rules")
    @classmethod
    def _rules_say_something(cls, value: list[str]) -> list[str]:
        for entry in value:
            if not re.fullmatch(r"(\*|[a-z][a-z0-9_]{1,63})\s*=\s*[0-9A-Za-z][0-9A-Za-z.+!_:-]*", entry):
                raise ValueError(f"“{entry[:80]}” is not “plug-in=allow”, “=deny” or “=version”")
        return value

    @field_validator("database_url", "redis_url", "email_url", "base_url", "blob_url")
    @classmethod
    def _known_scheme(cls, value: SecretStr | str | None, info: Any) -> SecretStr | str | None:
        if value is None:
            return None
        parts = urlsplit(value.get_secret_value() if isinstance(value, SecretStr) else value)
        allowed = _SCHEMES[info.field_name]
        if parts.scheme not in allowed or not (parts.netloc or parts.path):
            raise ValueError(f"must be an address that starts with one of {', '.join(sorted(allowed))}://")
        return value

    @model_validator(mode="after")
    def _production_brings_its_keys(self) -> Config:
        problems = []
        if self.secret_key and len(self.secret_key.get_secret_value()) < _MIN_KEY_LENGTH:
            problems.append(f"SAGE_SECRET_KEY must have at least {_MIN_KEY_LENGTH} characters")
        if not self.base_url and not self.host_is_loopback:
            problems.append(
                "SAGE_BASE_URL is required when SAGE_HOST is not a loopback address: it is what people open"
            )
        if self.is_production:
            if not self.base_url:
                problems.append("SAGE_BASE_URL is required with DATABASE_URL")
            if not self.secret_key:
                problems.append(
                    "SAGE_SECRET_KEY is required with DATABASE_URL; keys are only made in embedded mode"
                )
            if not self.credential_keys:
                problems.append("SAGE_CREDENTIAL_KEYS is required with DATABASE_URL")
            if not self.redis_url:
                problems.append("REDIS_URL is required with DATABASE_URL")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def is_production(self) -> bool:
        return self.database_url is not None

    @property
    def host_is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    @property
    def listens_on_loopback_only(self) -> bool:
        """Whether only this machine can reach the server (no proxy or other address in front either)."""
        return self.host_is_loopback and not self.trusted_proxies and not self.base_url

    @property
    def address(self) -> str:
        """The address people open, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (self.base_url or f"http://{host}:{self.port}").rstrip("/")


def _environment_with_files(environ: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for field in Config.model_fields.values():
        name = str(field.alias)
        if environ.get(name):
            values[name] = environ[name]
        elif path := environ.get(f"{name}_FILE"):
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigError(f"{name}_FILE: cannot read {path}: {error}") from error
    return values


def load(environ: Mapping[str, str] | None = None) -> Config:
    """Read and check the environment. Raises ConfigError naming every bad setting, never its value."""
    try:
        return Config.model_validate(_environment_with_files(os.environ if environ is None else environ))
    except ValidationError as error:
        lines = [
            f"{'.'.join(map(str, item['loc'])) or 'settings'}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise ConfigError("The settings cannot be used:\n  " + "\n  ".join(lines)) from None


_POSTGRES_SESSION = {
    # What is acknowledged is on disk, whatever server or role say. A process that was frozen in the middle
    # of a transaction loses its session, or its row locks would outlive its leases.
    "options": "-c synchronous_commit=on -c idle_in_transaction_session_timeout=10s",
    # A server that is gone without a word is noticed within half a minute instead of two hours.
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


def postgres_database(url: str) -> dict[str, Any]:
    """Django's DATABASES entry for a ``postgresql://`` address; the query may only set listed options."""
    parts = urlsplit(url)
    allowed = {"sslmode", "sslrootcert", "sslcert", "sslkey", "connect_timeout", "application_name"}
    options: dict[str, Any] = dict(_POSTGRES_SESSION)
    for pair in filter(None, parts.query.split("&")):
        key, _, value = pair.partition("=")
        if key == "host":
            continue
        if key not in allowed:
            raise ConfigError(
                f"DATABASE_URL: option {key!r} is not one of {', '.join(sorted(allowed))}, host"
            )
        options[key] = unquote(value)
    socket_dir = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair).get("host", "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or unquote(socket_dir),
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
    }


def allowed_hosts(config: Config) -> list[str]:
    """Host headers that are answered: the configured address and this machine's own names."""
    hosts = ["localhost", "127.0.0.1", "[::1]"]
    if config.base_url and (name := urlsplit(config.base_url).hostname):
        hosts.insert(0, f"[{name}]" if ":" in name else name)
    return hosts


def mail_settings(config: Config, data_dir: Path) -> dict[str, Any]:
    """Django's mail settings: a server from ``smtp(s)://user:password@host:port?from=…``, else files."""
    if config.email_url is None:
        return {
            "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
            "EMAIL_FILE_PATH": data_dir / "mail",
            "DEFAULT_FROM_EMAIL": "SAGE Studio <studio@localhost>",
        }
    parts = urlsplit(config.email_url.get_secret_value())
    options = dict(pair.partition("=")[::2] for pair in parts.query.split("&") if pair)
    implicit_tls = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or (465 if implicit_tls else 587),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": implicit_tls,
        "EMAIL_USE_TLS": not implicit_tls and options.get("tls", "yes") != "no",
        "EMAIL_TIMEOUT": 10,
        "DEFAULT_FROM_EMAIL": unquote(options.get("from", "studio@localhost")),
    }
