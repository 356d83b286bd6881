"""Fixtures that all tests share."""

from tests.servers import bucket, hub, hub_server, s3_endpoint

__all__ = ["bucket", "hub", "hub_server", "s3_endpoint"]
