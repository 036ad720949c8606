"""The OpenAPI description of the API, for people who are signed in."""

from __future__ import annotations

from drf_spectacular.views import SpectacularAPIView

from apps.common.apis import Api
from apps.common.policies import SIGNED_IN


class SchemaApi(Api, SpectacularAPIView):
    """``GET schema``."""

    policy = SIGNED_IN
