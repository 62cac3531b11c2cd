"""Indexing pictures over HTTP with latency, against the encoder alone on the same pictures.

A process of its own serves small JPEGs on loopback, each answer 80 ms late. End to end is
`Library.index` with the offline encoder: download, decode, thumbnail, embed, write. The encoder's
own rate is that of `encode_images` on decoded pictures; its network's, that of `encode_pixels` on
arrays that are ready. All are measured in turns in one run, so that whatever else the machine does
falls on all.

Run: python bench/downloads.py [--pictures 1000] [--latency-ms 80] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import numpy as np
from PIL import Image

import vistazo
from vistazo.config import Settings
from vistazo.encoders.offline import OfflineEncoder
from vistazo.ingest.decode import decode
from vistazo.records import UInt8Array
from vistazo.sources.base import Item

BATCH = 32


def picture(seed: int, width: int = 200, height: int = 133) -> bytes:
    """A JPEG of about 10 kB, as image hosts scale a photograph to 200 pixels."""
    chance = np.random.default_rng(seed)
    coarse = chance.integers(0, 256, (12, 18, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    grain = chance.normal(0, 6, (height, width, 1))
    pixels = np.clip(np.asarray(image, dtype=np.float32) + grain, 0, 255).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=75)
    return out.getvalue()


class Serving(asyncio.Protocol):
    """As little of HTTP as keeps the server out of the measurement."""

    def __init__(self, pictures: list[bytes], latency_s: float) -> None:
        self._pictures = pictures
        self._latency_s = latency_s
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        while b"\r\n\r\n" in self._head:
            head, self._head = self._head.split(b"\r\n\r\n", 1)
            number = int(head.split(b" ", 2)[1].rpartition(b"/")[2])
            body = self._pictures[number]
            answer = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
            loop = asyncio.get_running_loop()
            loop.call_later(self._latency_s, self._transport.write, answer % len(body) + body)


def serve(pictures: list[bytes], latency_s: float, told: Connection) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Serving(pictures, latency_s), "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class Addresses:
    """The source: one web address for each picture."""

    name = "urls:bench"

    def __init__(self, port: int, count: int) -> None:
        self.port, self._count = port, count

    def items(self) -> Iterator[Item]:
        for number in range(self._count):
            yield Item(f"http://127.0.0.1:{self.port}/{number}", str(number))

    def read(self, item: Item) -> bytes:
        raise NotImplementedError


def encoder_s(encoder: OfflineEncoder, images: list[Image.Image]) -> float:
    """Seconds that the encoder takes for all decoded pictures, and nothing else runs."""
    started = time.perf_counter()
    for start in range(0, len(images), BATCH):
        encoder.encode_images(images[start : start + BATCH])
    return time.perf_counter() - started


def network_s(encoder: OfflineEncoder, pixels: UInt8Array) -> float:
    """Seconds that the encoder's network takes for arrays that are ready."""
    started = time.perf_counter()
    for start in range(0, len(pixels), BATCH):
        encoder.encode_pixels(pixels[start : start + BATCH])
    return time.perf_counter() - started


def whole_s(encoder: OfflineEncoder, source: Addresses, count: int) -> float:
    """Seconds from an empty library to one with all pictures."""
    settings = Settings(allow_private_addresses=True, batch_size=BATCH, per_host_concurrency=64)
    with (
        tempfile.TemporaryDirectory() as folder,
        vistazo.open(folder, settings=settings) as library,
    ):
        started = time.perf_counter()
        report = library.index(source, encoder=encoder)
        seconds = time.perf_counter() - started
        if report.added != count:
            raise RuntimeError(report)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--latency-ms", type=float, default=80)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    count = options.pictures
    pictures = [picture(number) for number in range(count)]
    encoder = OfflineEncoder()
    images = [decode(data, min_side=encoder.input_side).image for data in pictures]
    pixels = np.stack([encoder.preprocess(image) for image in images])
    told, ours = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(pictures, options.latency_ms / 1000, told), daemon=True
    )
    process.start()
    try:
        source = Addresses(ours.recv(), count)
        encoder.encode_pixels(pixels[:BATCH])
        size_kb = statistics.mean(map(len, pictures)) / 1000
        print(f"{count:,} JPEGs of {size_kb:.1f} kB, {options.latency_ms:g} ms latency,", end=" ")
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        print("end to end/s  encoder/s  ratio  its network/s  ratio")
        ratios = []
        before = encoder_s(encoder, images), network_s(encoder, pixels)
        for _ in range(options.rounds):
            seconds = whole_s(encoder, source, count)
            after = encoder_s(encoder, images), network_s(encoder, pixels)
            alone = [sum(pair) / 2 for pair in zip(before, after, strict=True)]
            before = after
            ratios.append([each / seconds for each in alone])
            print(
                f"{count / seconds:12.1f}  {count / alone[0]:9.1f}  {ratios[-1][0]:5.2f}"
                f"  {count / alone[1]:13.1f}  {ratios[-1][1]:5.2f}",
                flush=True,
            )
        medians = [statistics.median(column) for column in zip(*ratios, strict=True)]
        print(f"median ratios {medians[0]:.2f} and {medians[1]:.2f}", end=", ")
        print(f"load {os.getloadavg()[0]:.1f}")
    finally:
        process.terminate()
        process.join()


if __name__ == "__main__":
    main()
