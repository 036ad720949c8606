"""How an audit entry is bound to the one before it."""

from __future__ import annotations

import hashlib
import json

from apps.audit.models import AuditEntry


def digest_of(entry: AuditEntry) -> str:
    """SHA-256 over the entry's content and its predecessor's digest."""
    content = [
        entry.scope,
        entry.seq,
        entry.at.isoformat(),
        str(entry.actor_id),
        entry.actor_email,
        entry.action,
        str(entry.workspace_id),
        entry.target_type,
        entry.target_id,
        entry.before,
        entry.after,
        entry.origin,
        entry.previous,
    ]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
