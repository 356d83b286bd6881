"""Fixtures that all tests share."""

from tests.plugins import toy_plugin
from tests.servers import bucket, hub, hub_server, s3_endpoint

__all__ = ["bucket", "hub", "hub_server", "s3_endpoint", "toy_plugin"]
