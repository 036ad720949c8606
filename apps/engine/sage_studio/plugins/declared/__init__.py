"""Nodes that are described rather than programmed: a service's HTTP interface in one YAML file."""

from sage_studio.plugins.declared.reading import read_service
from sage_studio.plugins.declared.service_node import service_node
from sage_studio.plugins.declared.shapes import Service

__all__ = ["Service", "read_service", "service_node"]
