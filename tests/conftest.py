"""Fixtures that all tests share."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from groundray.formats import FORMATS
from groundray.models import BACKENDS
from groundray.models.recipes import RECIPES
from tests.models.asking import paddle
from tests.models.tiny_training import trained_checkpoint
from tests.plugins import toy_plugin
from tests.servers import bucket, chat_server, hub, hub_server, s3_endpoint

__all__ = [
    "bucket",
    "chat_server",
    "hub",
    "hub_server",
    "paddle",
    "s3_endpoint",
    "toy_plugin",
    "trained_checkpoint",
]


# On a machine that does something else, too, seconds say nothing of one example.
settings.register_profile("groundray", deadline=None)
settings.load_profile("groundray")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the check of long texts that every family inherits."""
    for item in items:
        if item.name == "test_runaway_text_takes_linear_time":
            item.add_marker(pytest.mark.untraced)


@pytest.fixture(autouse=True)
def _forget_plugin_files() -> Iterator[None]:
    """Leaves no format, backend or recipe of a test's plugin file to the next test."""
    yield
    FORMATS._files.clear()
    BACKENDS._files.clear()
    RECIPES._files.clear()
