"""Plain Django views: health, readiness, the single-page app, and errors outside the API."""

from __future__ import annotations

import threading
from collections.abc import Callable

import redis
import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from apps.common import errors
from apps.common.policies import PUBLIC, Policy
from apps.common.problems import problem_response
from sage_studio.kernel import SageError
from sage_studio.sandbox.isolation import isolation

logger = structlog.get_logger(__name__)
View = Callable[..., HttpResponseBase]
# The policy of each plain view, for the golden file of routes.
POLICIES: dict[str, Policy] = {"healthz": PUBLIC, "readyz": PUBLIC, "app": PUBLIC}
_NOT_BUILT = (
    "<!doctype html><title>SAGE Studio</title>"
    "<p>The front end has not been built yet. Run <code>make run</code>.</p>"
    "<p>前端尚未构建，请运行 <code>make run</code>。</p>"
)


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """The process answers. Touches nothing else, so that a slow database does not restart the web."""
    return JsonResponse({"status": "ok", "version": settings.VERSION})


_migrated = threading.Event()


def _database_ready() -> bool:
    """A query each time; whether everything is migrated only until it is, because asking costs."""
    if not _migrated.is_set():
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        _migrated.set()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _redis_ready() -> bool:
    return bool(
        redis.Redis.from_url(str(settings.REDIS_URL), socket_timeout=2, socket_connect_timeout=2).ping()
    )


@require_safe
def readyz(_request: HttpRequest) -> HttpResponse:
    """Database reachable and migrated, and Redis reachable where there is one; and what keeps people's code
    apart."""
    checks = {"database": _database_ready}
    if settings.REDIS_URL:
        checks["redis"] = _redis_ready
    results: dict[str, str] = {}
    for name, check in checks.items():
        try:
            results[name] = "ok" if check() else "not migrated"
        except (DatabaseError, redis.RedisError) as error:
            logger.warning("not_ready", check=name, error=type(error).__name__)
            results[name] = "unreachable"
    is_ready = all(result == "ok" for result in results.values())
    # Not a check: without the strongest walls the product runs, and refuses what it cannot contain.
    body = {"status": "ok" if is_ready else "not ready", "checks": results, "sandbox": isolation().level}
    return JsonResponse(body, status=200 if is_ready else 503)


def app(request: HttpRequest) -> HttpResponseBase:
    """index.html for every address of the single-page app."""
    if request.method not in ("GET", "HEAD"):
        return problem_response(request, SageError(errors.METHOD, {"method": request.method or ""}))
    index = settings.FRONTEND_DIST / "index.html"
    if not index.is_file():
        return HttpResponse(_NOT_BUILT, status=503)
    response = HttpResponse(index.read_bytes(), content_type="text/html; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Addresses under /api/ and the like that no route knows."""
    return problem_response(request, errors.NotFound())


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """A request Django refused to read (bad host, too many fields)."""
    return problem_response(request, errors.ApiError(errors.INVALID))


def server_error(request: HttpRequest) -> HttpResponse:
    """An unexpected exception; Django has logged it."""
    return problem_response(request, SageError(errors.INTERNAL))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The anti-forgery check failed."""
    return problem_response(request, SageError(errors.CSRF))
