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
import os
import statistics

from vistazo.cli.bench import index
from vistazo.config import Settings
from vistazo.encoders.offline import OfflineEncoder
from vistazo.evaluation.loopback import picture, serving
from vistazo.evaluation.throughput import encoder_alone, network_alone, prepared

BATCH = 32


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--latency-ms", type=float, default=80)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    count = options.pictures
    pictures = [picture(number) for number in range(count)]
    encoder = OfflineEncoder()
    ready = prepared(encoder, pictures)

    def alone() -> tuple[float, float]:
        return (
            encoder_alone(encoder, ready.images, BATCH),
            network_alone(encoder, ready.pixels, BATCH),
        )

    with serving(count, options.latency_ms / 1000) as source:
        encoder.encode_pixels(ready.pixels[:BATCH])
        size_kb = statistics.mean(map(len, pictures)) / 1000
        print(f"{count:,} JPEGs of {size_kb:.1f} kB, {options.latency_ms:g} ms latency,", end=" ")
        print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
        print("end to end/s  encoder/s  ratio  its network/s  ratio")
        ratios = []
        before = alone()
        for _ in range(options.rounds):
            seconds = index(encoder, source, Settings(batch_size=BATCH))
            after = alone()
            each_alone = [sum(pair) / 2 for pair in zip(before, after, strict=True)]
            before = after
            ratios.append([each / seconds for each in each_alone])
            print(
                f"{count / seconds:12.1f}  {count / each_alone[0]:9.1f}  {ratios[-1][0]:5.2f}"
                f"  {count / each_alone[1]:13.1f}  {ratios[-1][1]:5.2f}",
                flush=True,
            )
        medians = [statistics.median(column) for column in zip(*ratios, strict=True)]
        print(f"median ratios {medians[0]:.2f} and {medians[1]:.2f}", end=", ")
        print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
