"""``python -m sage_studio.cli``: the command, where its script is not on the path."""

from __future__ import annotations

import sys

from sage_studio.cli import main

sys.exit(main())
