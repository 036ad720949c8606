"""A fingerprint of a text or a file, with or without a secret key."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping
from typing import Any

from sage_studio.plugins.support.texts import as_text
from sage_studio.sdk import Choice, Context, Field, Node, NodeOutput, NodeSpec, Port, Settings, as_files, text

_ALGORITHMS = ("sha256", "sha512", "sha3_256", "blake2b", "sha1", "md5")
_WEAK = frozenset({"sha1", "md5"})


class CryptoHash(Node):
    """Files are read piece by piece. MD5 and SHA-1 are for old services only; neither resists forgery."""

    spec = NodeSpec(
        id="crypto_hash",
        name=text("Hash", "哈希"),
        description=text(
            "Calculates a hash of a text or file, or signs it with a key (HMAC).",
            "计算文本或文件的哈希值，或使用密钥签名（HMAC）。",
        ),
        category="utility",
        icon="hash",
        effect="pure",
        inputs=(Port(name="value", type="any", label=text("Text or file", "文本或文件"), required=True),),
        outputs=(Port(name="hash", type="string", label=text("Hash", "哈希值")),),
        config=(
            Field(
                name="algorithm",
                label=text("Algorithm", "算法"),
                default="sha256",
                control="select",
                options=tuple(
                    Choice(
                        value=name,
                        label=text(
                            f"{name.upper().replace('_', '-')}{' (weak)' if name in _WEAK else ''}",
                            f"{name.upper().replace('_', '-')}{'（不安全）' if name in _WEAK else ''}",
                        ),
                    )
                    for name in _ALGORITHMS
                ),
            ),
            Field(
                name="form",
                label=text("Written as", "输出形式"),
                default="hex",
                control="select",
                options=(
                    Choice(value="hex", label=text("Hexadecimal", "十六进制")),
                    Choice(value="base64", label=text("Base64", "Base64")),
                    Choice(value="base64url", label=text("Base64 for addresses", "URL 安全的 Base64")),
                ),
            ),
            Field(
                name="credential",
                label=text("Key", "密钥"),
                help=text(
                    "A signing secret: the result is an HMAC that only who has the key can make.",
                    "签名密钥：结果为 HMAC，只有持有密钥者才能生成。",
                ),
                default="",
                control="credential",
                credential_kinds=("signing_secret",),
                expression="never",
            ),
        ),
        summary=text("{algorithm}", "{algorithm}"),
        example={
            "config": {"algorithm": "sha256"},
            "inputs": {"value": "abc"},
            "outputs": {"hash": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        },
    )

    async def run(self, ctx: Context, inputs: Mapping[str, Any]) -> NodeOutput:
        settings = Settings(self.spec, ctx, inputs)
        algorithm, credential = settings.text("algorithm"), settings.text("credential")
        if credential:
            secret = (await ctx.credential(credential))["secret"]
            work: Any = hmac.new(secret.encode(), digestmod=algorithm)
        else:
            work = hashlib.new(algorithm, usedforsecurity=False)
        async for part in _parts(ctx, inputs["value"]):
            work.update(part)
        return {"hash": _written(work.digest(), settings.text("form"))}


async def _parts(ctx: Context, value: Any) -> AsyncIterator[bytes]:
    if isinstance(value, Mapping) and isinstance(value.get("ref"), str):
        async for part in ctx.files.stream(as_files(value)[0]):
            yield part
    else:
        yield as_text(value).encode("utf-8", "surrogatepass")


def _written(digest: bytes, form: str) -> str:
    if form == "hex":
        return digest.hex()
    if form == "base64url":
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return base64.b64encode(digest).decode()
