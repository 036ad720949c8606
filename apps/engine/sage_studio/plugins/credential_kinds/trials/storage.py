"""Listing an object storage, with a request signed as AWS describes (Signature Version 4)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from sage_studio.plugins.credential_kinds.trials.trial import TIMEOUT_S, Trial, Verdict
from sage_studio.sdk import text

_EMPTY = hashlib.sha256(b"").hexdigest()


async def try_s3(trial: Trial) -> Verdict:
    """At most one entry of the bucket, or of the list of buckets."""
    fields = trial.fields
    endpoint, bucket = fields["endpoint"].rstrip("/"), fields.get("bucket", "")
    query = "list-type=2&max-keys=1" if bucket else ""
    address = f"{endpoint}/{quote(bucket)}" + (f"?{query}" if query else "")
    headers = sigv4_headers("GET", address, fields, at=datetime.now(UTC))
    # The signature is ours; the client adds nothing, but still holds the request to the allowed hosts.
    answer = await trial.http.request(
        "GET", address, headers=headers, timeout_s=TIMEOUT_S, max_bytes=1 << 20,
        credential=trial.opened.name or "new", follow=False,
    )  # fmt: skip
    if answer.status == 200:
        what = (f"the bucket “{bucket}”", f"存储桶“{bucket}”") if bucket else ("the buckets", "存储桶列表")
        said = text(f"It works: {what[0]} can be listed.", f"可用：可以列出{what[1]}。")
        return Verdict(True, said, 200)
    reason = re.search(r"<Code>([\w.]{1,100})</Code>", answer.text())
    why = reason[1] if reason else str(answer.status)
    return Verdict(False, text(f"The storage refused: {why}", f"存储服务拒绝：{why}"), answer.status)


def sigv4_headers(method: str, address: str, fields: Mapping[str, str], *, at: datetime) -> dict[str, str]:
    """The headers of a request without a body, signed for the service ``s3``."""
    parts, region = urlsplit(address), fields.get("region") or "us-east-1"
    moment, day = at.strftime("%Y%m%dT%H%M%SZ"), at.strftime("%Y%m%d")
    signed = {"host": parts.netloc, "x-amz-content-sha256": _EMPTY, "x-amz-date": moment}
    if fields.get("session_token"):
        signed["x-amz-security-token"] = fields["session_token"]
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    query = "&".join(sorted(parts.query.split("&"))) if parts.query else ""
    request = f"{method}\n{parts.path or '/'}\n{query}\n{lines}\n{names}\n{_EMPTY}"
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{fields['secret_access_key']}".encode()
    for step in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, step.encode(), "sha256")
    to_sign = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{digest}"
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    who = f"Credential={fields['access_key_id']}/{scope}"
    authorization = f"AWS4-HMAC-SHA256 {who}, SignedHeaders={names}, Signature={signature}"
    return {**{n: v for n, v in signed.items() if n != "host"}, "Authorization": authorization}
