"""``python3 -m infra.setup <goal>``; see ``make help`` for the goals people use."""

from __future__ import annotations

import argparse
import fcntl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from infra.setup import browser, frontend, lock, nginx, node, npm_lock, python_env, servers
from infra.setup.console import ROOT, SetupError, passthrough, run, say, step


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="infra.setup", description=__doc__)
    goals = parser.add_subparsers(dest="goal", required=True)
    goals.add_parser("run", help="what the product needs to start")
    goals.add_parser("python", help="the Python environment with the developers' tools")
    goals.add_parser("dev", help="Python, the developers' tools and the front end's packages")
    goals.add_parser("test", help="everything the tests need: dev, a built front end, a browser, servers")
    goals.add_parser("lock", help="resolve again and write the lock files")
    goals.add_parser("lock-check", help="say whether the lock files fit pyproject.toml")
    goals.add_parser("browser", help="print the path of the browser, installing it if need be")
    npm = goals.add_parser("npm", help="run npm with the chosen Node, inside frontend/")
    npm.add_argument("rest", nargs=argparse.REMAINDER)
    chosen = parser.parse_args(arguments)
    try:
        with _one_at_a_time():
            code = _reach(chosen.goal)
    except SetupError as error:
        print(f"\n  ✗ {error}\n", file=sys.stderr)
        return 1
    if chosen.goal == "npm":
        picked = node.choose()
        return passthrough(picked.npm_command(*chosen.rest), cwd=frontend.FRONTEND, env=picked.env())
    return code


def _reach(goal: str) -> int:
    if goal == "lock-check":
        return _check_lock()
    if goal == "lock":
        lock.write()
        picked = node.choose()
        with step("Resolving the front end's packages"):
            run(
                picked.npm_command("install", "--package-lock-only", "--no-audit", "--no-fund"),
                what="npm install",
                cwd=frontend.FRONTEND,
                env=picked.env(),
            )
            npm_lock.complete()
    elif goal == "browser":
        say(str(browser.ensure()))
    elif goal == "python":
        python_env.ensure(dev=True, bundled_node=False)
    elif goal == "run":
        _ensure_python(dev=False, needs_node=not frontend.build_is_current())
        if not frontend.build_is_current():
            frontend.ensure_packages(node.choose())
            frontend.ensure_build(node.choose())
    else:
        _ensure_python(dev=True, needs_node=True)
        frontend.ensure_packages(node.choose())
        if goal == "test":
            frontend.ensure_build(node.choose())
            browser.ensure()
            nginx.ensure()
            servers.ensure()
    return 0


def _ensure_python(*, dev: bool, needs_node: bool) -> None:
    python_env.ensure(dev=dev, bundled_node=needs_node and node.system() is None)


def _check_lock() -> int:
    stale = lock.stale()
    if stale:
        say(f"The lock does not fit pyproject.toml any more ({', '.join(stale)}): run `make lock`.")
    return 1 if stale else 0


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Two set-ups in one clone would tread on each other; the second waits for the first."""
    path = ROOT / ".cache" / "setup" / "lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("  … Another set-up is at work in this clone; waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
