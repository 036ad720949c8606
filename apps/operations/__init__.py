"""The admin console over all apps."""
