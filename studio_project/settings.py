"""Django settings, derived from the one typed ``Config``."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from studio_project import keys, logs
from studio_project.config import ConfigError, allowed_hosts, load, mail_settings, postgres_database

try:
    CONFIG = load()
except ConfigError as problem:
    sys.exit(str(problem))

BASE_DIR = Path(__file__).resolve().parent.parent
DATA_DIR = keys.ensure_private_dir(CONFIG.data_dir.expanduser().resolve())
VERSION = "0.1.0"
DEBUG = False

SECRET_KEY = (
    CONFIG.secret_key.get_secret_value() if CONFIG.secret_key else keys.read_or_make(DATA_DIR / "secret.key")
)
CREDENTIAL_KEYS: list[str] = [key.get_secret_value() for key in CONFIG.credential_keys] or [
    keys.read_or_make(DATA_DIR / "credential.key")
]

# One uploaded file; the ASGI layer and the upload itself both hold it.
MAX_UPLOAD_BYTES = CONFIG.max_upload_mb * 1024 * 1024
# What one workspace may keep (0: no limit), and where content lies (empty: under the data folder).
WORKSPACE_QUOTA_BYTES = CONFIG.workspace_quota_mb * 1024 * 1024
BLOB_URL = CONFIG.blob_url.get_secret_value() if CONFIG.blob_url else ""

# What flows may reach and ask: private ranges, and the model behind ``ctx.llm``.
ALLOW_PRIVATE_NETWORK = CONFIG.allow_private_network
ANTHROPIC_API_KEY = CONFIG.anthropic_api_key.get_secret_value() if CONFIG.anthropic_api_key else ""
# Which plug-ins workspaces may use, before any rule an administrator sets in the product.
PLUGIN_RULES = CONFIG.plugin_rules
ANTHROPIC_BASE_URL = CONFIG.anthropic_base_url or ""

# ---- applications, lowest first (ARCHITECTURE §1)
STUDIO_APPS = [
    "common",
    "audit",
    "accounts",
    "workspaces",
    "files",
    "credentials",
    "notifications",
    "catalogue",
    "flows",
    "collaboration",
    "versions",
    "executions",
    "triggers",
    "assistant",
    "marketplace",
    "operations",
]
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "allauth",
    "allauth.account",
    "allauth.headless",
    *(f"apps.{name}" for name in STUDIO_APPS),
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "accounts.Person"
ROOT_URLCONF = "studio_project.urls"
ASGI_APPLICATION = "studio_project.asgi.application"

MIDDLEWARE = [
    "apps.common.middleware.request_context",
    "apps.common.middleware.security_headers",
    "apps.common.adapters.stream_in_constant_memory",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.common.middleware.strict_json_outside_the_api",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "apps.accounts.adapters.authentication.SessionPersonMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
# What the hot addresses (``apps.*.doors``) do without: files, streams, the console and the sign-in pages.
_NOT_AT_DOORS = {
    "apps.common.adapters.stream_in_constant_memory",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.common.middleware.strict_json_outside_the_api",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
}
DOOR_MIDDLEWARE = [name for name in MIDDLEWARE if name not in _NOT_AT_DOORS]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# ---- database
DATABASES: dict[str, dict[str, Any]]
if CONFIG.database_url:
    DATABASES = {"default": postgres_database(CONFIG.database_url.get_secret_value())}
    # Connections belong to a pool per process; a thread borrows one per request or task.
    # The pool doubles its pause after every failed try to connect, for 5 minutes unless told otherwise. When
    # it gives up soon, the next who asks tries at once: a server that is back is found within seconds.
    DATABASES["default"]["OPTIONS"]["pool"] = {
        "min_size": 1,
        "max_size": 20,
        "timeout": 10,
        "reconnect_timeout": 4,
    }
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
else:
    DATABASES = {
        "default": {
            "ENGINE": "apps.common.sqlite",
            "NAME": DATA_DIR / "studio.sqlite3",
            "CONN_MAX_AGE": None,
        }
    }

ALLOW_UNSAFE_DATABASE = CONFIG.allow_unsafe_database

# ---- cache, channel layer, broker: Redis when there is one
REDIS_URL: str | None = CONFIG.redis_url.get_secret_value() if CONFIG.redis_url else None
if REDIS_URL:
    CACHES: dict[str, Any] = {
        "default": {
            "BACKEND": "apps.common.cache.FallbackRedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        }
    }
    # Waiting for a message blocks for as long as it takes: redis-py's own limit of 5 s would end every
    # quiet socket.
    CHANNEL_LAYERS: dict[str, Any] = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            "CONFIG": {"hosts": [{"address": REDIS_URL, "socket_timeout": None}]},
        }
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}

# ---- people and sessions
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ["email", "name"]},
    },
]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_ADAPTER = "apps.accounts.adapters.signing.AccountAdapter"
ACCOUNT_SIGNUP_FORM_CLASS = "apps.accounts.forms.SignupForm"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGIN_ON_PASSWORD_RESET = False
HEADLESS_ONLY = True
HEADLESS_CLIENTS = ("browser",)
HEADLESS_ADAPTER = "apps.accounts.adapters.signing.HeadlessAdapter"
# Required by allauth; the adapter above writes the links.
HEADLESS_FRONTEND_URLS = {
    "account_reset_password_from_key": "/reset?key={key}",
    "account_reset_password": "/reset",
    "account_signup": "/sign-up",
}

# ---- addresses and cookies
ALLOWED_HOSTS = allowed_hosts(CONFIG)
_IS_HTTPS = CONFIG.address.startswith("https://")
CSRF_TRUSTED_ORIGINS = [CONFIG.address] if CONFIG.base_url else []
CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = _IS_HTTPS
CSRF_COOKIE_SAMESITE = SESSION_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "apps.common.views.csrf_failure"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _IS_HTTPS else 0
APPEND_SLASH = False
# What a proxy says about the client is read by ``apps.common.proxies`` and only from these networks.
TRUSTED_PROXIES = CONFIG.trusted_proxies
DATA_UPLOAD_MAX_MEMORY_SIZE = 6 * 1024 * 1024

# ---- mail: to files unless there is a server
vars().update(mail_settings(CONFIG, DATA_DIR))

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
USE_TZ = True
TIME_ZONE = "UTC"

# ---- files: Django's own (the console) under /static/, the built front end at the root
STATIC_URL = "/static/"
FRONTEND_DIST = BASE_DIR / "frontend" / "dist"
# Straight from the packages: nothing to collect, and one folder less to go stale.
WHITENOISE_USE_FINDERS = True
WHITENOISE_ROOT = FRONTEND_DIST if FRONTEND_DIST.is_dir() else None
WHITENOISE_MAX_AGE = 60
WHITENOISE_ALLOW_ALL_ORIGINS = False
# The bundler puts a content hash into every name under assets/.
WHITENOISE_IMMUTABLE_FILE_TEST = r"^/assets/.+-[A-Za-z0-9_-]{8,}\.[a-z0-9.]+$"

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.adapters.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_PARSER_CLASSES": ["apps.common.parsers.StrictJsonParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "apps.common.problems.handle",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DEFAULT_THROTTLE_CLASSES": ["apps.common.throttles.ScopedThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "invitation": "60/min",
        "export": "30/min",
        "assistant": "30/min",
        "comment": "60/min",
        "shared": "120/min",
    },
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "SAGE Studio",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "AUTHENTICATION_WHITELIST": [],
    "ENUM_NAME_OVERRIDES": {"PackageKindEnum": ["archive", "declaration", "mcp"]},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "apps.common.schema.describe_paging",
    ],
}

STUDIO_URL_MODULES = [
    f"apps.{name}.urls" for name in STUDIO_APPS if importlib.util.find_spec(f"apps.{name}.urls") is not None
]
STUDIO_ROUTING_MODULES = [
    f"apps.{name}.routing"
    for name in STUDIO_APPS
    if importlib.util.find_spec(f"apps.{name}.routing") is not None
]
STUDIO_DOOR_MODULES = [
    f"apps.{name}.doors"
    for name in STUDIO_APPS[1:]
    if importlib.util.find_spec(f"apps.{name}.doors") is not None
]

# ---- the console
UNFOLD = {
    "SITE_TITLE": "SAGE Studio",
    "SITE_HEADER": "SAGE Studio",
    "SITE_SYMBOL": "account_tree",
    "SITE_URL": "/",
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": True,
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "primary": {
            "50": "236 253 245",
            "100": "209 250 229",
            "200": "167 243 208",
            "300": "110 231 183",
            "400": "52 211 153",
            "500": "16 185 129",
            "600": "5 150 105",
            "700": "4 120 87",
            "800": "6 95 70",
            "900": "6 78 59",
            "950": "2 44 34",
        }
    },
}

# ---- Celery: results live in our own tables
# kombu spells a socket file its own way.
CELERY_BROKER_URL = (REDIS_URL or "memory://").replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
# A hint that cannot be sent now is not worth waiting for.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
    **({"socket_timeout": 5, "socket_connect_timeout": 2} if REDIS_URL else {}),
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_POOL_LIMIT = 4

# ---- logs
LOGGING_CONFIG = None
logs.configure(CONFIG)
