"""Makes the secret files ``compose.yaml`` mounts: ``python3 -m infra.production_secrets``.

Nothing that exists is overwritten: the credential key opens every stored credential. The folder is
closed to everyone else; the files in it are readable, because the containers run under an account of
their own and see single files, not the folder.
"""

from __future__ import annotations

import base64
import os
import secrets
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "secrets"


def main(folder: Path = FOLDER) -> int:
    folder.mkdir(mode=0o700, exist_ok=True)
    for name in ("secret_key", "credential_keys", "postgres_password"):
        make(folder / name, base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())
    password = (folder / "postgres_password").read_text(encoding="ascii").strip()
    make(folder / "database_url", f"postgresql://studio:{password}@postgres:5432/studio")
    print(f"Secrets are in {folder}. Keep a copy of credential_keys apart from the database's backups.")
    return 0


def make(path: Path, value: str) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(value + "\n")


if __name__ == "__main__":
    sys.exit(main())
