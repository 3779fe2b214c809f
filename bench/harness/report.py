# SPDX-License-Identifier: Apache-2.0
"""The report: figures as JSON, as Markdown tables, and as one HTML page with a plot a dataset."""

from __future__ import annotations

import datetime
import html
import json
import os
import pathlib
import platform
import statistics
import subprocess

from .bed import ROOT, Sample

BAR_WIDTH = 420
ROW_HEIGHT = 22


def machine() -> dict[str, str]:
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {"processor": f"{model}, {os.cpu_count()} cores", "kernel": platform.release(), "commit": commit.stdout.strip() or "unknown",
            "day": datetime.date.today().isoformat()}


def figure(samples: list[Sample], rows: int) -> dict[str, float]:
    """Medians, and how far the runs were apart."""
    walls = [sample.wall_s for sample in samples]
    figures = {"wall_s": statistics.median(walls), "wall_min_s": min(walls), "wall_max_s": max(walls),
               "cpu_us_a_row": statistics.median(sample.cpu_s for sample in samples) * 1e6 / rows,
               "rows_a_second": rows / statistics.median(walls), "peak_mib": max(sample.peak_mib for sample in samples),
               "runs": len(samples)}
    for key in ("allocations_a_row", "copied_a_byte", "bytes_out"):
        if key in samples[0].more:
            figures[key] = samples[0].more[key]
    return figures


class Report:
    """Collects what was measured and why what was not."""

    def __init__(self) -> None:
        self.head = machine()
        self.sections: list[dict] = []
        self.notes: list[str] = []
        self.snapshots: list[dict] = []
        self.latencies: list[dict] = []

    def section(self, server: str, dataset: str, changes: int, size: int, lines: list[tuple[str, dict | str]]) -> None:
        """A line is a title and its figures, or the words why there are none."""
        self.sections.append({"server": server, "dataset": dataset, "changes": changes, "bytes": size, "lines": lines})

    def snapshot(self, server: str, rows: int, lines: list[tuple[str, dict | str]]) -> None:
        """The first line is the one that the others are measured against."""
        self.snapshots.append({"server": server, "rows": rows, "lines": lines})

    def latency(self, server: str, rate: int, interval_ms: int, seconds: list[float]) -> None:
        ordered = sorted(seconds)
        self.latencies.append({"server": server, "rate": rate, "interval_ms": interval_ms, "commits": len(ordered),
                               "p50_ms": 1000 * ordered[len(ordered) // 2], "p99_ms": 1000 * ordered[len(ordered) * 99 // 100],
                               "max_ms": 1000 * ordered[-1]})

    def markdown(self) -> str:
        parts = ["# What Millrace costs\n", ", ".join(f"{key} {value}" for key, value in self.head.items()) + ".\n",
                 "Medians; a figure of wall time in brackets is the range of the runs. Rows were counted: a run with a wrong number is void.\n"]
        for section in self.sections:
            parts.append(f"## {section['dataset']}: {section['server']}\n")
            parts.append(f"{section['changes']:,} row changes in {section['bytes'] / 2 ** 20:.1f} MiB of binlog.\n")
            parts.append("| | wall s | MiB/s of binlog | rows/s | cpu µs a row | peak MiB | allocations a row | copied a byte |\n"
                         "|---|---|---|---|---|---|---|---|")
            for title, got in section["lines"]:
                parts.append(f"| {title} | void: {got} | | | | | | |" if isinstance(got, str) else self._line(title, got, section))
            parts.append("")
        for one in self.snapshots:
            parts.append(f"## Snapshot of {one['rows']:,} rows of 4 narrow columns: {one['server']}\n")
            parts.append("| | wall s | rows/s | of the drain's rate | cpu µs a row | peak MiB |\n|---|---|---|---|---|---|")
            drain = one["lines"][0][1]
            parts += [self._snapshot_line(title, got, drain) for title, got in one["lines"]]
            parts.append("")
        if self.latencies:
            parts.append("## From commit to durable\n")
            parts.append("| server | rows/s | flush interval ms | commits | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|---|---|")
            parts += [f"| {one['server']} | {one['rate']} | {one['interval_ms']} | {one['commits']} | {one['p50_ms']:.0f} | "
                      f"{one['p99_ms']:.0f} | {one['max_ms']:.0f} |" for one in self.latencies]
            parts.append("")
        parts += ["## Not run\n", *[f"* {note}" for note in self.notes or ["nothing was left out"]], ""]
        return "\n".join(parts)

    @staticmethod
    def _snapshot_line(title: str, got: dict | str, drain: dict | str) -> str:
        if isinstance(got, str):
            return f"| {title} | void: {got} | | | | |"
        ratio = "" if isinstance(drain, str) else f"{drain['wall_s'] / got['wall_s']:.2f}"
        peak = f"{got['peak_mib']:.0f}" if got["peak_mib"] else ""
        return (f"| {title} | {got['wall_s']:.3f} ({got['wall_min_s']:.3f} to {got['wall_max_s']:.3f}) | {got['rows_a_second']:,.0f} | "
                f"{ratio} | {got['cpu_us_a_row']:.2f} | {peak} |")

    @staticmethod
    def _line(title: str, got: dict, section: dict) -> str:
        rate = section["bytes"] / 2 ** 20 / got["wall_s"]
        allocations = f"{got['allocations_a_row']:.4f}" if "allocations_a_row" in got else ""
        copied = f"{got['copied_a_byte']:.4f}" if "copied_a_byte" in got else ""
        peak = f"{got['peak_mib']:.0f}" if got["peak_mib"] else ""
        return (f"| {title} | {got['wall_s']:.3f} ({got['wall_min_s']:.3f} to {got['wall_max_s']:.3f}) | {rate:,.0f} | "
                f"{got['rows_a_second']:,.0f} | {got['cpu_us_a_row']:.2f} | {peak} | {allocations} | {copied} |")

    def page(self) -> str:
        body = [f"<h1>What Millrace costs</h1><p>{html.escape(', '.join(f'{key} {value}' for key, value in self.head.items()))}</p>"]
        for section in self.sections:
            lines = [(title, got) for title, got in section["lines"] if not isinstance(got, str)]
            body.append(f"<h2>{html.escape(section['dataset'])}: {html.escape(section['server'])}</h2>"
                        f"<p>{section['changes']:,} row changes in {section['bytes'] / 2 ** 20:.1f} MiB of binlog</p>")
            body.append(plot("processor µs a row", [(title, got["cpu_us_a_row"]) for title, got in lines]))
            body.append(plot("rows a second", [(title, got["rows_a_second"]) for title, got in lines]))
        return ("<!doctype html><meta charset='utf-8'><title>What Millrace costs</title>"
                "<style>body{font:14px sans-serif;margin:2em;max-width:60em}svg{display:block;margin:0 0 1.5em}</style>" + "".join(body))

    def write(self, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.md").write_text(self.markdown())
        (folder / "report.html").write_text(self.page())
        (folder / "report.json").write_text(json.dumps({"head": self.head, "sections": self.sections, "snapshots": self.snapshots, "latencies": self.latencies,
                                                        "notes": self.notes}, indent=1))


def plot(unit: str, bars: list[tuple[str, float]]) -> str:
    """Horizontal bars, as SVG."""
    if not bars:
        return ""
    most = max(value for _, value in bars) or 1
    height = ROW_HEIGHT * (len(bars) + 1)
    drawn = [f"<text x='0' y='14' font-weight='bold'>{html.escape(unit)}</text>"]
    for index, (title, value) in enumerate(bars, start=1):
        y = ROW_HEIGHT * index
        shown = f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
        drawn.append(f"<text x='330' y='{y + 14}' text-anchor='end'>{html.escape(title)}</text>"
                     f"<rect x='340' y='{y + 3}' width='{max(value / most * BAR_WIDTH, 1):.1f}' height='{ROW_HEIGHT - 7}' "
                     f"fill='{'#2a6fbb' if 'millrace' in title else '#8a8a8a'}'/>"
                     f"<text x='{345 + value / most * BAR_WIDTH:.1f}' y='{y + 14}'>{shown}</text>")
    return f"<svg width='{340 + BAR_WIDTH + 100}' height='{height}' font-size='12'>{''.join(drawn)}</svg>"
