"""structlog for our lines and the standard library's alike: JSON for machines, columns for people."""

from __future__ import annotations

import logging
import logging.config
import sys
from functools import lru_cache
from typing import Any

import structlog

from studio_project.config import Config

_SECRET_WORDS = ("password", "secret", "token", "authorization", "api_key", "cookie")


@lru_cache(maxsize=1024)
def _sounds_secret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET_WORDS)


def mask_secrets(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The last line of defence: a fact whose name sounds secret never reaches the sink."""
    for key in event:
        if _sounds_secret(key):
            event[key] = "***"
    return event


def configure(config: Config) -> None:
    """Set up logging for this process; called once, by the settings."""
    as_json = config.log_format == "json" or (config.log_format == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        mask_secrets,
    ]
    if as_json:
        shared.append(structlog.processors.format_exc_info)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if as_json else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "studio": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
                    "foreign_pre_chain": shared,
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "studio"}},
            "root": {"handlers": ["stderr"], "level": config.log_level},
            "loggers": {
                # Every request has its own line already.
                "daphne.http_protocol": {"level": "WARNING"},
                "django.channels.server": {"level": "WARNING"},
                "django.request": {"level": "ERROR"},
                "aioredis": {"level": "WARNING"},
                # It writes whole addresses, and people put keys into their queries.
                "httpx": {"level": "WARNING"},
            },
        }
    )
