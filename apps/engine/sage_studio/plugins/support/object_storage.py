"""Buckets of S3-compatible services (Amazon S3, OSS, COS, GCS by its S3 address, MinIO, R2), guarded.

The library opens connections by itself, so it is given a proxy on loopback that checks each of them; the
address is looked up once before, which gives a refusal in our own words.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from sage_studio.kernel import define_error
from sage_studio.plugins.support.libraries import library
from sage_studio.sdk import Context, Field, NodeError, Settings, text

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
_TIMEOUT_S = 300
_REASON_CHARS = 300
CREDENTIAL_FIELD = Field(
    name="credential",
    label=text("Credential", "凭据"),
    help=text("Says which service, and with which keys.", "指定服务地址和密钥。"),
    required=True,
    control="credential",
    credential_kinds=("s3",),
    expression="never",
)
BUCKET_FIELD = Field(
    name="bucket",
    label=text("Bucket", "存储桶"),
    help=text("Empty: the one of the credential.", "留空则使用凭据中的存储桶。"),
    default="",
    max_length=255,
)


@dataclass(frozen=True, slots=True)
class OpenBucket:
    """A bucket while it is open; ``library`` is obstore, ``store`` what its functions take."""

    library: Any
    store: Any
    name: str

    @contextmanager
    def errors(self, key: str = "") -> Iterator[None]:
        """What the library raises, in our words."""
        exceptions = library("obstore.exceptions", "storage")
        try:
            yield
        except FileNotFoundError as error:
            raise NodeError(NO_OBJECT, {"key": key, "bucket": self.name}) from error
        except (exceptions.PermissionDeniedError, exceptions.UnauthenticatedError, PermissionError) as error:
            raise NodeError(DENIED, {"bucket": self.name}) from error
        except (exceptions.InvalidPathError, ValueError) as error:
            raise NodeError(BAD_KEY, {"key": key}, path="config.key") from error
        except (exceptions.BaseError, OSError) as error:
            reason = str(error).split("\n", 1)[0][:_REASON_CHARS]
            raise NodeError(FAILED, {"reason": reason}) from error


@asynccontextmanager
async def opened_bucket(ctx: Context, settings: Settings) -> AsyncIterator[OpenBucket]:
    """The bucket that a node's fields name. Raises NodeError ``storage.no_bucket``, ``credential.*`` or
    ``http.*`` where its address may not be reached."""
    credential = settings.text("credential")
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
        yield OpenBucket(library("obstore", "storage"), store, bucket)
