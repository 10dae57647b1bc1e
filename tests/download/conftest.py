"""What the tests of the download share: the site, and waits too short to be felt."""

from collections.abc import Iterator

import pytest

from embedding.download import web
from tests.download.server import Site, running


@pytest.fixture(autouse=True, scope="package")
def _short_waits() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(web, "FIRST_WAIT", 0.001)
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture
def site() -> Iterator[Site]:
    with running(Site()) as running_site:
        yield running_site
