"""Where rooms meet Django: threads with their own database connections, and the process's hub."""

from apps.collaboration.adapters.hubs import current_hub, drain

__all__ = ["current_hub", "drain"]
