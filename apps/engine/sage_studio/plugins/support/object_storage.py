"""Buckets of S3-compatible services (Amazon S3, OSS, COS, GCS by its S3 address, MinIO, R2), guarded.

The library opens connections by itself, so it is given a proxy on loopback that checks each of them; the
address is looked up once before, which gives a refusal in our own words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import IO, Any, Protocol
from urllib.parse import urlsplit

from sage_studio.kernel import define_error
from sage_studio.plugins.support.libraries import library
from sage_studio.plugins.support.local_folder import LocalFolder
from sage_studio.plugins.support.places import NO_CREDENTIAL
from sage_studio.sdk import Choice, Context, Field, NodeError, Settings, text

NO_BUCKET = define_error(
    "storage.no_bucket",
    3154,
    en="No bucket is named.",
    zh="没有指定存储桶。",
    hint_en="Name it in the node, or in the credential.",
    hint_zh="请在节点或凭据中填写存储桶。",
    status=422,
)
NO_OBJECT = define_error(
    "storage.no_object",
    3155,
    en="There is nothing under “{key}” in the bucket “{bucket}”.",
    zh="存储桶“{bucket}”中没有“{key}”。",
    hint_en="Check the key, capitals included, and the bucket.",
    hint_zh="请检查键名（区分大小写）和存储桶。",
    status=404,
)
DENIED = define_error(
    "storage.denied",
    3156,
    en="The storage does not let this credential do that in the bucket “{bucket}”.",
    zh="对象存储不允许此凭据在存储桶“{bucket}”中执行该操作。",
    hint_en="Check the keys and the rights they have on this bucket.",
    hint_zh="请检查密钥及其在该存储桶上的权限。",
    status=403,
)
FAILED = define_error(
    "storage.failed",
    3157,
    en="The storage answered with an error: {reason}",
    zh="对象存储返回错误：{reason}",
    hint_en="Check the address, the region and the bucket of the credential, then try again.",
    hint_zh="请检查凭据中的地址、区域和存储桶，然后重试。",
    status=502,
    retryable=True,
)
BAD_KEY = define_error(
    "storage.bad_key",
    3158,
    en="“{key}” cannot be the key of an object.",
    zh="“{key}”不能作为对象的键名。",
    hint_en="Use names with slashes between them, without “.” or “..” as a name.",
    hint_zh="请使用以斜杠分隔的名称，且不要使用“.”或“..”。",
    status=422,
)

PART_BYTES = 8 << 20
_AT_ONCE = 1_000
_PIECE_BYTES = 1 << 20
_TIMEOUT_S = 300
_REASON_CHARS = 300
_SERVICE: dict[str, tuple[Any, ...]] = {"place": ("service",)}
PLACE_FIELDS = (
    Field(
        name="place",
        label=text("Where", "位置"),
        default="service",
        control="select",
        expression="never",
        options=(
            Choice(value="service", label=text("Storage service", "对象存储服务")),
            Choice(value="folder", label=text("Folder of this machine", "本机文件夹")),
        ),
    ),
    Field(
        name="credential",
        label=text("Credential", "凭据"),
        help=text("Says which service, and with which keys.", "指定服务地址和密钥。"),
        default="",
        control="credential",
        credential_kinds=("s3",),
        expression="never",
        show_when=_SERVICE,
    ),
    Field(
        name="bucket",
        label=text("Bucket", "存储桶"),
        help=text("Empty: the one of the credential.", "留空则使用凭据中的存储桶。"),
        default="",
        max_length=255,
        show_when=_SERVICE,
    ),
    Field(
        name="folder",
        label=text("Folder", "文件夹"),
        help=text(
            "The name of one that an administrator has opened to flows (SAGE_ALLOW_FOLDERS).",
            "管理员向流程开放的文件夹名称（SAGE_ALLOW_FOLDERS）。",
        ),
        default="",
        max_length=200,
        expression="never",
        show_when={"place": ("folder",)},
    ),
)


class OpenBucket(Protocol):
    """A bucket while it is open. Entries are ``path, size, last_modified, e_tag``. All calls raise NodeError
    ``storage.*``."""

    @property
    def name(self) -> str: ...

    def pages(self, prefix: str, after: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """What lies below ``prefix`` and behind the key ``after``, in the order of keys."""
        ...

    async def get(self, key: str) -> tuple[int, AsyncIterator[bytes]]:
        """Its size, and its content."""
        ...

    async def put(self, key: str, content: bytes | AsyncIterator[bytes], mime: str) -> str:
        """Whole or not at all; the entity tag."""
        ...


@dataclass(frozen=True, slots=True)
class ServiceBucket:
    """``library`` is obstore, ``store`` what its functions take."""

    library: Any
    store: Any
    name: str

    async def pages(self, prefix: str, after: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        with _errors(self.name, prefix):
            pages = self.library.list(self.store, prefix or None, offset=after or None, chunk_size=_AT_ONCE)
            async for page in pages:
                yield page

    async def get(self, key: str) -> tuple[int, AsyncIterator[bytes]]:
        with _errors(self.name, key):
            found = await self.library.get_async(self.store, key)
        return found.meta["size"], self._pieces(key, found)

    async def _pieces(self, key: str, found: Any) -> AsyncIterator[bytes]:
        with _errors(self.name, key):
            async for piece in found.stream(min_chunk_size=_PIECE_BYTES):
                yield bytes(piece)

    async def put(self, key: str, content: bytes | AsyncIterator[bytes], mime: str) -> str:
        with _errors(self.name, key):
            done = await self.library.put_async(
                self.store, key, content, attributes={"Content-Type": mime}, chunk_size=PART_BYTES,
                max_concurrency=4,
            )  # fmt: skip
        return (done.get("e_tag") or "").strip('"')


@dataclass(frozen=True, slots=True)
class FolderBucket:
    """A folder of this machine (``local_folder``)."""

    ctx: Context
    folder: LocalFolder
    name: str

    async def pages(self, prefix: str, after: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        with _errors(self.name, prefix):
            entries = self.folder.entries(prefix, after)
            while page := await self.ctx.in_thread(lambda: list(islice(entries, _AT_ONCE))):
                yield page

    async def get(self, key: str) -> tuple[int, AsyncIterator[bytes]]:
        with _errors(self.name, key):
            source, size = await self.ctx.in_thread(self.folder.open, key)
        return size, self._pieces(source)

    async def _pieces(self, source: IO[bytes]) -> AsyncIterator[bytes]:
        with source:
            while piece := await self.ctx.in_thread(source.read, _PIECE_BYTES):
                yield piece

    async def put(self, key: str, content: bytes | AsyncIterator[bytes], mime: str) -> str:
        with _errors(self.name, key):
            draft = await self.ctx.in_thread(self.folder.draft, key)
            try:
                if isinstance(content, bytes):
                    await self.ctx.in_thread(draft.write, content)
                else:
                    async for piece in content:
                        await self.ctx.in_thread(draft.write, piece)
                placed: str = await self.ctx.in_thread(draft.place)
            finally:
                draft.drop()
        return placed


@contextmanager
def _errors(bucket: str, key: str = "") -> Iterator[None]:
    """What stores raise, in our words."""
    try:
        yield
    except FileNotFoundError as error:
        raise NodeError(NO_OBJECT, {"key": key, "bucket": bucket}) from error
    except PermissionError as error:
        raise NodeError(DENIED, {"bucket": bucket}) from error
    except ValueError as error:
        raise NodeError(BAD_KEY, {"key": key}, path="config.key") from error
    except OSError as error:
        raise NodeError(FAILED, {"reason": str(error).split("\n", 1)[0][:_REASON_CHARS]}) from error
    except Exception as error:
        raise _translated(error, bucket, key) from error


def _translated(error: Exception, bucket: str, key: str) -> Exception:
    """obstore's own; anything else as it is."""
    exceptions = library("obstore.exceptions", "storage")
    if isinstance(error, (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError)):
        return NodeError(DENIED, {"bucket": bucket})
    if isinstance(error, exceptions.InvalidPathError):
        return NodeError(BAD_KEY, {"key": key}, path="config.key")
    if isinstance(error, exceptions.BaseError):
        return NodeError(FAILED, {"reason": str(error).split("\n", 1)[0][:_REASON_CHARS]})
    return error


@asynccontextmanager
async def opened_bucket(ctx: Context, settings: Settings) -> AsyncIterator[OpenBucket]:
    """The bucket or folder that a node's fields name. Raises NodeError ``storage.*``, ``credential.*`` or
    ``http.*`` where its address may not be reached."""
    if settings.text("place") == "folder":
        name = settings.text("folder")
        yield FolderBucket(ctx, LocalFolder.named(name), name)
        return
    credential = settings.text("credential")
    if not credential:
        raise NodeError(NO_CREDENTIAL, path="config.credential")
    fields = await ctx.credential(credential)
    bucket = settings.text("bucket") or fields.get("bucket", "")
    if not bucket:
        raise NodeError(NO_BUCKET, path="config.bucket")
    address = urlsplit(fields["endpoint"] if "//" in fields["endpoint"] else f"https://{fields['endpoint']}")
    port = address.port or (80 if address.scheme == "http" else 443)
    await ctx.http.address(address.hostname or "", port, credential=credential)
    config = {
        "aws_endpoint": address.geturl(),
        "aws_region": fields.get("region") or "us-east-1",
        "aws_access_key_id": fields.get("access_key_id", ""),
        "aws_secret_access_key": fields.get("secret_access_key", ""),
        "aws_virtual_hosted_style_request": str(fields.get("addressing") == "virtual").lower(),
    }
    if token := fields.get("session_token"):
        config["aws_session_token"] = token
    async with ctx.http.proxy(credential=credential) as proxy_url:
        store = library("obstore.store", "storage").S3Store(
            bucket,
            config=config,
            client_options={
                "proxy_url": proxy_url,
                "allow_http": address.scheme == "http",
                "timeout": timedelta(seconds=_TIMEOUT_S),
            },
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
        )
        yield ServiceBucket(library("obstore", "storage"), store, bucket)
