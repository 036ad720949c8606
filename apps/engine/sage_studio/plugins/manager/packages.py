"""Plug-ins that are Python packages: installed ones, unpacked wheels, and projects in a folder."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, PathDistribution, distributions
from pathlib import Path
from typing import Any

from sage_studio.kernel import SageError
from sage_studio.plugins.manager.errors import BAD_MANIFEST
from sage_studio.sdk.plugin import ENTRY_POINTS

_PRODUCT = "sage-studio"


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What a package says of itself. ``points`` are what its entry points name, ``paths`` where its modules
    are, if they are not on the path already."""

    name: str
    version: str
    points: tuple[str, ...]
    paths: tuple[Path, ...] = ()
    summary: str = ""
    author: str = ""
    homepage: str = ""
    requires: tuple[str, ...] = ()

    @property
    def plugin_id(self) -> str:
        """The id of a plug-in that names none."""
        plain = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")
        return plain if plain[:1].isalpha() else f"plugin_{plain}"


def package_in(folder: Path) -> PackageFacts | None:
    """The package in a folder, if one there has plug-ins. Raises SageError ``plugin.bad_manifest``."""
    project = folder / "pyproject.toml"
    if project.is_file():
        return _of_project(folder, project)
    for info in sorted(folder.glob("*.dist-info")):
        found = _of_distribution(PathDistribution(info), (folder,))
        if found is not None:
            return found
    return None


def installed_packages() -> list[PackageFacts]:
    """The packages of this interpreter that have plug-ins, by name."""
    found: dict[str, PackageFacts] = {}
    for distribution in distributions():
        facts = _of_distribution(distribution, ())
        if facts is not None:
            found.setdefault(facts.name.lower(), facts)
    return [found[name] for name in sorted(found)]


def _of_distribution(distribution: Distribution, paths: tuple[Path, ...]) -> PackageFacts | None:
    points = tuple(point.value for point in distribution.entry_points if point.group == ENTRY_POINTS)
    if not points:
        return None
    about = distribution.metadata.json
    requires = tuple(text for text in distribution.requires or () if "extra ==" not in text)
    return PackageFacts(
        name=distribution.name,
        version=distribution.version,
        points=points,
        paths=paths,
        summary=str(about.get("summary", "")),
        author=str(about.get("author") or about.get("author_email", "")),
        homepage=str(about.get("home_page", "")),
        requires=_without_product(requires),
    )


def _of_project(folder: Path, file: Path) -> PackageFacts | None:
    try:
        project = tomllib.loads(file.read_text("utf-8")).get("project", {})
        points = project.get("entry-points", {}).get(ENTRY_POINTS, {})
        return _project_facts(folder, project, points) if points else None
    except (OSError, ValueError, AttributeError, TypeError, KeyError) as error:
        raise SageError(BAD_MANIFEST, {"reason": f"{file.name}: {error}"}) from error


def _project_facts(folder: Path, project: Mapping[str, Any], points: Mapping[str, str]) -> PackageFacts:
    authors = ", ".join(str(author.get("name", "")) for author in project.get("authors", ()))
    return PackageFacts(
        name=str(project["name"]),
        version=str(project.get("version", "0")),
        points=tuple(str(point) for point in points.values()),
        paths=(folder / "src" if (folder / "src").is_dir() else folder,),
        summary=str(project.get("description", "")),
        author=authors,
        homepage=str(project.get("urls", {}).get("Homepage", "")),
        requires=_without_product(tuple(map(str, project.get("dependencies", ())))),
    )


def _without_product(requires: tuple[str, ...]) -> tuple[str, ...]:
    """The product itself is there; which versions of it will do is said in ``requires.product``."""
    return tuple(text for text in requires if re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0] != _PRODUCT)
