"""Plug-ins for tests, made as a third party would: a project with one node, packed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

NODE = "acme_say"
_PROJECT = """
[project]
name = "{name}"
version = "{version}"
dependencies = [{requires}]
[project.entry-points."sage_studio.plugins"]
{name} = "{name}:plugin"
"""
_MODULE = """
from sage_studio.sdk import Field, FileRef, Node, NodeSpec, Permissions, PluginSpec, Port, text

class Say(Node):
    spec = NodeSpec(
        id="{node}",
        version="{version}",
        name=text("Say", "说"),
        description=text("Says something.", "说点什么。"),
        category="utility",
        icon="repeat",
        outputs=(Port(name="said", label=text("Said", "内容")),),
        config=(Field(name="what", label=text("What", "内容"), default="hello"),),
        example={{"config": {{}}, "inputs": {{}}}},
    )

    async def run(self, ctx, inputs):
        what = ctx.config["what"]
{body}

    @classmethod
    def upgrade(cls, config, from_version):
        return {{**config, "what": config.get("what", "") + " (from " + from_version + ")"}}

plugin = PluginSpec(id="{name}", permissions=Permissions({permissions}), nodes=[Say])
{rest}
"""
SAY = 'return {"said": what}'


def archive(files: Mapping[str, str | bytes]) -> bytes:
    """A zip of these files, the same bytes every time."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as made:
        for name, content in files.items():
            made.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return sink.getvalue()


def plugin_files(
    body: str = SAY,
    *,
    name: str = "acme",
    node: str = NODE,
    version: str = "1.0.0",
    permissions: str = "",
    rest: str = "",
    requires: str = "",
) -> dict[str, str | bytes]:
    """A plug-in whose one node does ``body``, lines of Python that know ``what`` and ``ctx``."""
    indented = "\n".join(f"        {line}" for line in body.splitlines())
    module = _MODULE.format(
        name=name, node=node, version=version, permissions=permissions, body=indented, rest=rest
    )
    project = _PROJECT.format(name=name, version=version, requires=requires)
    return {"pyproject.toml": project, f"{name}/__init__.py": module}


def plugin(body: str = SAY, **facts: str) -> bytes:
    """``plugin_files``, packed."""
    return archive(plugin_files(body, **facts))
