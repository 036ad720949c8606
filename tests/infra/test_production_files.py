"""The container files are checked as far as is possible without a container engine."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import production_secrets
from infra.native import proxy
from infra.setup import nginx
from infra.setup.console import ROOT
from studio_project import config

INFRA = ROOT / "infra"
COMPOSE = yaml.safe_load((INFRA / "compose.yaml").read_text(encoding="utf-8"))
CONTAINERFILE = (INFRA / "Containerfile").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "worker")
# https://docs.docker.com/reference/compose-file/services: the keys this file may use.
SERVICE_KEYS = {
    "build", "cap_add", "cap_drop", "command", "depends_on", "deploy", "env_file", "environment",
    "healthcheck", "image", "logging", "networks", "ports", "read_only", "restart", "secrets",
    "security_opt", "shm_size", "stop_grace_period", "tmpfs", "volumes",
}  # fmt: skip


def test_compose_uses_only_keys_of_the_compose_specification() -> None:
    assert set(COMPOSE) <= {"name", "services", "networks", "volumes", "secrets", "x-studio"}
    assert {key for service in SERVICES.values() for key in service} <= SERVICE_KEYS


def test_everything_a_service_refers_to_is_declared() -> None:
    for name, service in SERVICES.items():
        assert set(service.get("networks", [])) <= set(COMPOSE["networks"]), name
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"]), name
        assert set(service.get("depends_on", {})) <= set(SERVICES), name
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in COMPOSE["volumes"] or (INFRA / source).exists(), (name, volume)


def test_a_dependency_on_health_is_on_a_service_that_reports_it() -> None:
    for service in SERVICES.values():
        for target, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[target], target


def test_production_has_two_of_what_people_wait_for() -> None:
    assert SERVICES["web"]["deploy"]["replicas"] == 2
    assert SERVICES["worker"]["deploy"]["replicas"] == 2


@pytest.mark.parametrize("name", OURS)
def test_our_containers_hold_no_privileges(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]


def test_only_the_proxy_is_reachable_from_outside() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["proxy"]
    assert COMPOSE["networks"]["back"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["valkey"]["networks"] == ["back"]


def test_no_secret_stands_in_the_compose_file() -> None:
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            assert name.endswith("_FILE") or not re.search("SECRET|PASSWORD|KEY", name), (name, value)


def test_the_settings_compose_gives_start_the_product(tmp_path: Path) -> None:
    assert production_secrets.main(tmp_path) == 0
    environment = dict(SERVICES["web"]["environment"])
    example = (INFRA / "production.env.example").read_text(encoding="utf-8")
    for line in example.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            environment[name] = value
    environment = {k: v.replace("/run/secrets/", f"{tmp_path}/") for k, v in environment.items()}

    settings = config.load(environment)

    assert settings.is_production
    assert settings.address == "https://studio.example.org"
    assert len(settings.credential_keys) == 1


def test_secrets_are_made_once_and_never_overwritten(tmp_path: Path) -> None:
    production_secrets.main(tmp_path)
    before = (tmp_path / "credential_keys").read_text()
    production_secrets.main(tmp_path)

    assert (tmp_path / "credential_keys").read_text() == before
    assert {path.name for path in tmp_path.iterdir()} == set(COMPOSE["secrets"])
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) & 0o222 == 0


def test_the_image_runs_without_root_and_installs_only_hashed_packages() -> None:
    stages = CONTAINERFILE.split("\nFROM ")
    installs = [
        line for line in CONTAINERFILE.splitlines() if "pip install" in line and "--no-deps" not in line
    ]

    assert re.search(r"^USER (?!0|root)\S+", stages[-1], re.MULTILINE)
    assert all("--require-hashes" in line for line in installs if not line.rstrip().endswith("\\"))
    assert "npm ci" in CONTAINERFILE
    assert "curl" not in CONTAINERFILE
    assert "wget" not in CONTAINERFILE


def test_everything_the_image_copies_exists() -> None:
    for line in re.findall(r"^COPY (?!--from)(.+)$", CONTAINERFILE, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists(), source


def test_the_image_starts_what_the_supervisor_starts() -> None:
    assert SERVICES["web"]["command"] == ["python", "-m", "studio_project.serve", "web"]
    assert SERVICES["worker"]["command"] == ["python", "-m", "studio_project.serve", "worker"]


def test_every_placeholder_of_the_proxy_is_filled_in_by_compose() -> None:
    template = proxy.SITE.read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{(\w+)\}", template))

    assert wanted == {name for name in SERVICES["proxy"]["environment"] if name.startswith("STUDIO_")}


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_nginx_accepts_its_configuration(tmp_path: Path, *, tls: bool) -> None:
    binary = nginx.find()
    if binary is None:
        pytest.skip("nginx is not installed here and could not be fetched")
    include = ""
    if tls:
        if shutil.which("openssl") is None:
            pytest.skip("no openssl to make a certificate with")
        include = f"include {self_signed(tmp_path)};"
    configuration = proxy.write_configuration(tmp_path / "p", port=1, upstreams=[2, 3], tls=include)

    checked = subprocess.run(
        [str(binary), "-t", "-p", str(tmp_path / "p"), "-c", str(configuration)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr


def self_signed(folder: Path) -> Path:
    """The TLS piece of the configuration, with a certificate made for this test."""
    certificate, key = folder / "studio.crt", folder / "studio.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-subj", "/CN=studio.test", "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    text = (INFRA / "proxy" / "tls.conf").read_text(encoding="utf-8")
    piece = folder / "tls.conf"
    piece.write_text(text.replace("/etc/nginx/certificates", str(folder)), encoding="utf-8")
    return piece
