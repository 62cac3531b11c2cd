"""What the page costs, and what its answers forbid."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, expect

from browser.visit import Visit, visiting
from e2e.server import Server

BYTES = 150_000
FIRST_PAINT_MS = 1000


def test_bytes_before_thumbnails_and_first_paint(browser: Browser, server: Server) -> None:
    with visiting(browser, server.web) as visit:
        session = visit.page.context.new_cdp_session(visit.page)
        session.send("Network.enable")
        kinds: dict[str, str] = {}
        sizes: dict[str, float] = {}

        def note(event: dict[str, Any]) -> None:
            kinds[event["requestId"]] = event["response"]["url"]

        def count(event: dict[str, Any]) -> None:
            sizes[event["requestId"]] = event["encodedDataLength"]

        session.on("Network.responseReceived", note)
        session.on("Network.loadingFinished", count)
        visit.open("/?q=boats+on+a+lake+at+sunset")
        visit.settle()
        expect(visit.page.locator("summary").first).to_be_visible()
        pictures = re.compile(r"/thumbnail$|^/images/")
        before = {
            kinds[one]: size
            for one, size in sizes.items()
            if one in kinds and not pictures.search(urlsplit(kinds[one]).path)
        }
        assert any(url.endswith("/js/app.js") for url in before)
        assert any("/api/v1/search" in url for url in before)
        assert sum(before.values()) < BYTES, before
        # The best of three: other work on the machine is not the page's.
        paints = [_first_paint(visit)]
        while min(paints) >= FIRST_PAINT_MS and len(paints) < 3:
            visit.page.reload()
            visit.settle()
            paints.append(_first_paint(visit))
        assert min(paints) < FIRST_PAINT_MS


def _first_paint(visit: Visit) -> float:
    painted: float = visit.page.evaluate(
        "performance.getEntriesByName('first-contentful-paint')[0].startTime"
    )
    return painted


def test_files_of_the_page_are_kept_for_ever_and_packed(server: Server) -> None:
    with httpx.Client(base_url=server.web, headers={"Accept-Encoding": "gzip"}) as client:
        page = client.get("/")
        assert page.headers["cache-control"] == "no-cache"
        assert "{{" not in page.text
        assert client.get("/", headers={"If-None-Match": page.headers["etag"]}).status_code == 304
        addresses = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
        assert len(addresses) > 10
        for address in addresses:
            file = client.get(address)
            assert file.status_code == 200
            assert "immutable" in file.headers["cache-control"]
            assert file.headers["content-encoding"] == "gzip"
            assert file.headers["x-content-type-options"] == "nosniff"
            old = client.get(re.sub("/static/[^/]+/", "/static/earlier/", address))
            assert old.text == file.text
            assert old.headers["cache-control"] == "no-cache"
        for wrong in ("js/none.js", "..%2Fpages.py", "%2e%2e%2fpages.py", "..%5cpages.py", "js"):
            answer = client.get(f"/static/x/{wrong}")
            assert answer.status_code == 404
            assert answer.json()["error"]["code"] == "not-found"


def test_plain_bytes_for_who_takes_no_gzip(server: Server) -> None:
    answer = httpx.get(server.web + "/", headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in answer.headers
    assert answer.text.startswith("<!doctype html>")
    assert httpx.head(server.web + "/").status_code == 200


def test_the_policy_allows_nothing_foreign_and_nothing_inline(
    browser: Browser, server: Server
) -> None:
    policy = httpx.get(server.web + "/").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert {"default-src 'none'", "script-src 'self'", "style-src 'self'"} <= set(
        policy.split("; ")
    )
    with visiting(browser, server.web) as visit:
        visit.may_complain = re.compile("Trusted")
        page = visit.open()
        visit.settle()
        for markup in (
            "document.body.innerHTML = '<b>x</b>'",
            "document.body.setAttribute('onclick', 'window.taken = 1')",
            "document.createElement('script').src = 'data:,window.taken=1'",
        ):
            script = f"() => {{ try {{ {markup}; return 'taken' }} catch (e) {{ return e.name }} }}"
            assert page.evaluate(script) == "TypeError", markup
