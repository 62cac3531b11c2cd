from __future__ import annotations

import pytest

from vistazo.ingest.download_plan import IMAGE_QUERY_HOSTS, DownloadPlan
from vistazo.ingest.hosts import is_public, is_web, with_image_query

QUERY = "q=75&fm=jpg&w=200&fit=max"
HOSTS = IMAGE_QUERY_HOSTS.split()


@pytest.mark.parametrize(
    ("url", "web"),
    [
        ("http://a.test/1.jpg", True),
        ("HTTPS://a.test/1.jpg", True),
        ("file:///http://a.jpg", False),
        ("ftp://a.test/1.jpg", False),
        ("https:/a.test", False),
        ("", False),
    ],
)
def test_what_is_downloaded(url: str, web: bool) -> None:
    assert is_web(url) == web


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("https://images.unsplash.com/p-1", f"https://images.unsplash.com/p-1?{QUERY}"),
        ("https://images.unsplash.com/p-1?", f"https://images.unsplash.com/p-1?{QUERY}"),
        ("https://IMAGES.unsplash.com/p#x", f"https://IMAGES.unsplash.com/p?{QUERY}"),
        (
            "https://plus.unsplash.com/p?ixid=M3w%3D&ixlib=rb-4.0.3",
            f"https://plus.unsplash.com/p?ixid=M3w%3D&ixlib=rb-4.0.3&{QUERY}",
        ),
        ("https://a.imgix.net/p?q=9&", "https://a.imgix.net/p?q=9&fm=jpg&w=200&fit=max"),
        ("https://a.imgix.net/p?fit=crop&h=50", "https://a.imgix.net/p?fit=crop&h=50&q=75&fm=jpg"),
        (
            f"https://a.imgix.net/p?{QUERY.replace('75', '1')}",
            f"https://a.imgix.net/p?{QUERY.replace('75', '1')}",
        ),
        ("https://a.imgix.net/p?s=0123abcd", "https://a.imgix.net/p?s=0123abcd"),
        ("https://imgix.net/p", "https://imgix.net/p"),
        ("https://unsplash.com/p", "https://unsplash.com/p"),
        ("https://images.unsplash.com.evil.test/p", "https://images.unsplash.com.evil.test/p"),
        ("https://evil.test/images.unsplash.com", "https://evil.test/images.unsplash.com"),
        ("https://[::1/p", "https://[::1/p"),
    ],
)
def test_smaller_pictures(given: str, asked: str) -> None:
    assert with_image_query(given, QUERY, HOSTS) == asked


def test_no_query_and_other_hosts() -> None:
    url = "https://images.unsplash.com/p-1"
    assert with_image_query(url, "", HOSTS) == url
    assert with_image_query(url, "w=1", ["a.test"]) == url
    assert with_image_query("http://b.A.test/p", "w=1", ["*.a.Test"]) == "http://b.A.test/p?w=1"


def test_the_plan_that_settings_make() -> None:
    from vistazo.config import Settings

    assert DownloadPlan.of(Settings()) == DownloadPlan()
    plan = DownloadPlan.of(
        Settings(
            download_concurrency=1,
            per_host_concurrency=2,
            download_deadline_s=3,
            download_retries=4,
            download_max_bytes=5,
            allow_private_addresses=True,
            image_query="off",
            image_query_hosts="a.test, *.b.test",
        )
    )
    assert (plan.concurrency, plan.host_concurrency, plan.deadline_s) == (1, 2, 3)
    assert (plan.retries, plan.max_bytes, plan.allow_private_addresses) == (4, 5, True)
    assert (plan.image_query, plan.image_query_hosts) == ("", ("a.test", "*.b.test"))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "151.101.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
    + ["2002:808:808::1"],
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.100.100.200",
        "127.0.0.1",
        "127.9.9.9",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "192.0.0.192",
        "192.168.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "64:ff9b:1::a00:1",
        "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo around 10.0.0.1
        "2002:7f00:1::1",
        "2001:db8::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_not_public(address: str) -> None:
    assert not is_public(address)
