"""Packs files into a zip archive, or unpacks one."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import IO, Any
from zipfile import ZipInfo

from sage_studio.kernel import define_error
from sage_studio.plugins.support.sniff import sniff_mime
from sage_studio.plugins.support.zipping import UnzipLimits, Unzipper, Zipper
from sage_studio.sdk import (
    Choice,
    Context,
    Field,
    FileRef,
    Node,
    NodeError,
    NodeOutput,
    NodeSpec,
    Port,
    Settings,
    text,
)

NO_FILES = define_error(
    "compress.no_files",
    3145,
    en="There is no file to pack or unpack.",
    zh="没有可压缩或解压的文件。",
    hint_en="Connect a node that gives files, or choose some in the node.",
    hint_zh="请连接提供文件的节点，或在节点中选择文件。",
    status=422,
)
_PIECE_BYTES = 1 << 20


class Compress(Node):
    """Zip alone: other formats have no list of what is in them that could be checked beforehand. Archives in
    an archive stay packed."""

    spec = NodeSpec(
        id="compress",
        name=text("Zip or unzip", "压缩或解压"),
        description=text(
            "Packs files into one zip archive, or unpacks the files of one.", "将文件打包为 zip，或解压 zip。"
        ),
        category="utility",
        icon="group",
        effect="idempotent",
        gives_all=True,
        inputs=(Port(name="files", type="array<File>", label=text("Files", "文件")),),
        outputs=(
            Port(name="files", type="array<File>", label=text("Files", "文件")),
            Port(name="file", type="File | null", label=text("First file", "首个文件")),
        ),
        config=(
            Field(
                name="files",
                type="array",
                label=text("Files", "文件"),
                default=[],
                control="files",
                wireable=True,
            ),
            Field(
                name="mode",
                label=text("What to do", "操作"),
                default="zip",
                control="select",
                expression="never",
                options=(
                    Choice(value="zip", label=text("Pack into a zip archive", "打包为 zip")),
                    Choice(value="unzip", label=text("Unpack a zip archive", "解压 zip")),
                ),
            ),
            Field(
                name="name",
                label=text("Name of the archive", "压缩包名称"),
                default="files.zip",
                max_length=150,
                show_when={"mode": ("zip",)},
            ),
            Field(
                name="ending",
                label=text("Only names ending in", "仅限扩展名"),
                help=text("Such as .csv; empty: all.", "例如 .csv；留空表示全部。"),
                default="",
                max_length=50,
                show_when={"mode": ("unzip",)},
            ),
            Field(
                name="max_entries",
                type="integer",
                label=text("Most files", "最多文件数"),
                default=1_000,
                minimum=1,
                maximum=10_000,
                expert=True,
                show_when={"mode": ("unzip",)},
            ),
            Field(
                name="max_mb",
                type="integer",
                label=text("Most unpacked", "解压后最大"),
                default=1_024,
                minimum=1,
                maximum=20_000,
                unit=text("MB", "MB"),
                expert=True,
                show_when={"mode": ("unzip",)},
            ),
        ),
        summary=text("{mode}", "{mode}"),
        default_timeout_s=1_800,
        example={
            "config": {
                "files": [{"name": "people.csv", "mime": "text/csv", "ref": "sample:people.csv"}],
                "name": "people.zip",
            },
            "inputs": {},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        files = settings.files("files")
        if not files:
            raise NodeError(NO_FILES)
        if settings.text("mode") == "zip":
            made = [await _zip(ctx, files, settings.text("name") or "files.zip")]
        else:
            limits = UnzipLimits(settings.integer("max_entries"), settings.integer("max_mb") << 20)
            made = [one for file in files for one in await _unzip(ctx, file, limits, settings.text("ending"))]
        return {"files": made, "file": made[0] if made else None}


async def _zip(ctx: Context, files: Sequence[FileRef], name: str) -> FileRef:
    with tempfile.TemporaryFile() as out:
        archive = Zipper(out)
        try:
            for number, file in enumerate(files):
                ctx.progress(number, len(files), file["name"])
                with archive.begin(file["name"]) as entry:
                    async for piece in ctx.files.stream(file):
                        await ctx.in_thread(entry.write, piece)
        finally:
            archive.close()  # also of a node that is stopped, which waits for nothing any more
        out.seek(0)
        full_name = name if name.lower().endswith(".zip") else f"{name}.zip"
        return await ctx.files.write(full_name, "application/zip", _pieces(ctx, out))


async def _pieces(ctx: Context, source: IO[bytes]) -> AsyncIterator[bytes]:
    while piece := await ctx.in_thread(source.read, _PIECE_BYTES):
        yield piece


async def _unzip(ctx: Context, file: FileRef, limits: UnzipLimits, ending: str) -> list[FileRef]:
    """Nothing is written before the whole directory of the archive has been checked."""
    with tempfile.TemporaryFile() as source:
        async for piece in ctx.files.stream(file):
            await ctx.in_thread(source.write, piece)
        source.seek(0)
        archive = await ctx.in_thread(Unzipper, file["name"], source, limits)
        try:
            wanted = [entry for entry in archive.entries if entry.filename.lower().endswith(ending.lower())]
            made = []
            for number, entry in enumerate(wanted):
                ctx.progress(number, len(wanted), entry.filename)
                made.append(await _entry(ctx, archive, entry))
        finally:
            archive.close()
    return made


async def _entry(ctx: Context, archive: Unzipper, entry: ZipInfo) -> FileRef:
    """Folders become part of the name, so that equal names in two of them stay apart."""
    pieces = archive.pieces(entry)
    first: bytes = await ctx.in_thread(next, pieces, b"")
    name = entry.filename.replace("\\", "/").replace("/", "_")

    async def rest() -> AsyncIterator[bytes]:
        piece = first
        while piece:
            yield piece
            piece = await ctx.in_thread(next, pieces, b"")

    return await ctx.files.write(name, sniff_mime(name, first), rest())
