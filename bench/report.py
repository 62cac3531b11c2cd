"""Tables and a plot of what `bench/search.py` measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TITLES = {
    "numpy": "NumPy, every vector",
    "ours": "**vistazo**, Python",
    "ours-rest": "**vistazo**, REST",
    "ours-sql": "**vistazo**, SQL",
    "faiss-flat": "FAISS flat",
    "faiss-hnsw": "FAISS HNSW32",
    "usearch": "usearch bf16",
    "lance-flat": "LanceDB, every vector",
    "lance-hnsw": "LanceDB IVF_HNSW_SQ",
    "sqlite-vec": "sqlite-vec",
}
SHARES = {"500": "50 %", "100": "10 %", "10": "1 %", "1": "0.1 %"}


def file_of(home: Path, shape: str, rows: int, name: str) -> Path:
    """Where the numbers of one competitor are kept."""
    return home / "results" / f"{shape}-{rows}-{name}.json"


def load(home: Path, sizes: list[int]) -> list[dict[str, Any]]:
    """What was measured at these sizes, in the order of the tables."""
    found = [json.loads(each.read_text()) for each in (home / "results").glob("*.json")]
    order = {name: number for number, name in enumerate(TITLES)}
    return sorted(
        (each for each in found if each["plan"]["rows"] in sizes),
        key=lambda each: (
            each["plan"]["rows"],
            each["plan"]["shape"] != "clustered",
            order[each["plan"]["name"]],
        ),
    )


def markdown(results: list[dict[str, Any]], command: str) -> str:
    """Two tables for each shape and size, with versions and the command."""
    lines = [
        "# Search, beside others",
        "",
        f"Written by `{command}`.",
        "",
        *_notes(results),
    ]
    for title, group in _groups(results):
        lines += ["", f"## {title}", ""]
        lines += _speed(group)
        lines += _copy(group)
        lines += [
            "",
            "Filters: p50 ms / recall@10, and the share of answers that were too short.",
            "",
        ]
        lines += _filters(group)
    return "\n".join(lines) + "\n"


def _notes(results: list[dict[str, Any]]) -> Iterator[str]:
    versions: dict[str, str] = {}
    for each in results:
        versions |= each["versions"]
    known = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    queries = sorted({each["plan"]["queries"] for each in results})
    cores = sorted({each["cores"] for each in results})
    loads = [each["load"] for each in results]
    if results:
        yield (
            f"512 numbers a vector, k = 10, {_any_of(queries)} queries, {_any_of(cores)} cores, load"
            f" {min(loads):.1f} to {max(loads):.1f} (above 1 to 2: other work ran beside it)."
            f" Versions: {known}."
        )
        yield ""
    yield (
        "Times are of one client, metadata included for vistazo and LanceDB; the others give"
        " numbers of rows only. `x NumPy` is p50 over that of a bare NumPy scan of 25,000 vectors"
        " (of all, where there are fewer), measured between the same queries: it compares rows that"
        " were measured under different load. Memory is what the process grew by (of the server:"
        " all it holds), then the most it held. vistazo's building is filling the tables, which its three"
        " rows share, and what it prepares for searching."
    )


def _any_of(values: list[int]) -> str:
    return " or ".join(f"{each:,}" for each in values)


def _groups(results: list[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    keys = list(dict.fromkeys((each["plan"]["rows"], each["plan"]["shape"]) for each in results))
    for rows, shape in keys:
        group = [e for e in results if (e["plan"]["rows"], e["plan"]["shape"]) == (rows, shape)]
        yield f"{rows:,} photos, {shape}", group


def _name(result: dict[str, Any], variant: dict[str, Any]) -> str:
    told = ", ".join(each for each in (result["path"], variant["variant"]) if each)
    return TITLES[result["plan"]["name"]] + (f" ({told})" if told else "")


def _speed(group: list[dict[str, Any]]) -> Iterator[str]:
    yield (
        "| | p50 ms | p95 | p99 | x NumPy | recall@10 | QPS, 1 client | 4 clients"
        " | build s | disk MB | memory MB | peak |"
    )
    yield "|---|" + "---|" * 11
    for result in group:
        for variant in result["variants"]:
            plain, rates = variant["shares"]["1000"], variant["qps"]
            cells = [
                _name(result, variant),
                f"{plain['p50_ms']:.2f}",
                f"{plain['p95_ms']:.2f}",
                f"{plain['p99_ms']:.2f}",
                f"{plain['p50_ms'] / plain['reference_ms']:.2f}",
                f"{plain['recall']:.3f}",
                f"{rates['1']:,.0f}",
                f"{rates['4']:,.0f}",
                f"{result['build_s']:.1f}",
                f"{result['disk_bytes'] / 1e6:,.0f}",
                f"{result['memory_bytes'] / 1e6:,.0f}",
                f"{result['peak_bytes'] / 1e6:,.0f}",
            ]
            yield "| " + " | ".join(cells) + " |"


def _copy(group: list[dict[str, Any]]) -> Iterator[str]:
    for result in group:
        if not (copy := result.get("copy")):
            continue
        vectors, graph, columns = (
            copy[f"{each}_bytes"] for each in ("vectors", "graph", "columns")
        )
        grown, parts = copy["grown_bytes"], vectors + graph + columns
        yield ""
        yield (
            f"vistazo's copy: {vectors / 1e6:,.0f} MB of vectors, {graph / 1e6:,.0f} of graph,"
            f" {columns / 1e6:,.0f} of columns. Beside the open engine the process grew by"
            f" {grown / 1e6:,.0f} MB, {grown / parts:.2f} times their sum. A filter that was not asked"
            f" for before is the database's to answer: {copy['new_filter_us'] / 1000:.1f} ms in the"
            " median with it (1 %); the 32 last ones are kept."
        )


def _filters(group: list[dict[str, Any]]) -> Iterator[str]:
    yield "| kept | " + " | ".join(SHARES.values()) + " |"
    yield "|---|" + "---|" * len(SHARES)
    for result in group:
        for variant in result["variants"]:
            if len(variant["shares"]) == 1:
                continue
            cells = [_name(result, variant)]
            for share in SHARES:
                found = variant["shares"][share]
                short = f" ({found['short']:.0%} short)" if found["short"] else ""
                cells.append(f"{found['p50_ms']:.2f} / {found['recall']:.3f}{short}")
            yield "| " + " | ".join(cells) + " |"


def plot(results: list[dict[str, Any]], target: Path) -> None:
    """Recall over latency, a field for each shape and size."""
    import matplotlib.pyplot as plt

    groups = list(_groups(results))
    figure, fields = plt.subplots(
        1, len(groups), figsize=(4.5 * len(groups), 4), sharey=True, squeeze=False
    )
    for field, (title, group) in zip(fields[0], groups, strict=True):
        for result in group:
            points = [each["shares"]["1000"] for each in result["variants"]]
            ours = result["plan"]["name"].startswith("ours")
            field.plot(
                [each["p50_ms"] for each in points],
                [each["recall"] for each in points],
                marker="*" if ours else "o",
                markersize=13 if ours else 6,
                label=TITLES[result["plan"]["name"]].replace("**", ""),
            )
        field.set_xscale("log")
        field.set_xlabel("p50, ms")
        field.set_title(title)
        field.grid(alpha=0.3)
    fields[0][0].set_ylabel("recall@10")
    # One legend for all: a competitor may be in some fields only, and colours follow the order.
    handles = {label: handle for field in fields[0] for handle, label in _legend(field)}
    figure.legend(handles.values(), handles.keys(), loc="lower center", ncols=5, fontsize=8)
    figure.tight_layout(rect=(0, 0.14, 1, 1))
    figure.savefig(target, dpi=110)
    plt.close(figure)


def _legend(field: Any) -> Iterator[tuple[Any, str]]:
    handles, labels = field.get_legend_handles_labels()
    return zip(handles, labels, strict=True)
