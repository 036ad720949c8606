"""Writes the OpenAPI schema and the typed client made from it, or checks that they are up to date.

``python -m infra.schema`` writes ``.build/openapi.json`` and ``frontend/src/lib/api/schema.ts``;
``--check`` fails when the committed client is not what the server of this tree would give.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Sequence

from infra.setup import frontend, node
from infra.setup.console import ROOT, SetupError, run

OPENAPI = ROOT / ".build" / "openapi.json"
CLIENT = frontend.FRONTEND / "src" / "lib" / "api" / "schema.ts"


def main(arguments: Sequence[str]) -> int:
    before = CLIENT.read_text(encoding="utf-8") if CLIENT.exists() else ""
    try:
        generate()
    except SetupError as error:
        print(f"\n  ✗ {error}\n", file=sys.stderr)
        return 1
    if "--check" not in arguments:
        return 0
    after = CLIENT.read_text(encoding="utf-8")
    if after != before:
        CLIENT.write_text(before, encoding="utf-8")
        print(f"  ✗ {CLIENT.relative_to(ROOT)} is not what the API is now: run `make schema`.")
        return 1
    return 0


def generate() -> None:
    """Both files, from the code as it is. Any warning of the generator is an error."""
    OPENAPI.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="sage-schema-") as folder:
        inherited = {k: v for k, v in os.environ.items() if k not in {"DATABASE_URL", "REDIS_URL"}}
        run(
            [sys.executable, "manage.py", "spectacular", "--file", OPENAPI, "--format", "openapi-json",
             "--validate", "--fail-on-warn"],
            what="Writing the OpenAPI schema",
            env={**inherited, "SAGE_DATA_DIR": folder},
        )  # fmt: skip
    chosen = node.choose()
    run(
        chosen.npm_command("run", "api"),
        what="Writing the typed client",
        cwd=frontend.FRONTEND,
        env=chosen.env(),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
