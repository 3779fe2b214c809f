# SPDX-License-Identifier: Apache-2.0
"""The report: figures as JSON, as Markdown tables, and as one HTML page with a plot a dataset."""

from __future__ import annotations

import datetime
import html
import json
import math
import os
import pathlib
import platform
import statistics
import subprocess

from .bed import ROOT, Sample

START = " (its start included)"  # at the end of the title of what is measured with it
OURS = ("millrace", "decode", "encode")  # how the titles begin that are coloured as Millrace's
BAR_WIDTH = 420
LETTER_WIDTH = 6.3  # of the titles beside the bars, at most on the average
FAR_APART = 100  # the largest by the smallest: from there on, bars as long as the numbers show the largest alone
ROW_HEIGHT = 22
CURVE_WIDTH, CURVE_HEIGHT, CURVE_LEFT = 560, 220, 70
DRAIN_TITLE = "drain the binlog raw from the server"
COLOURS = ("#2a6fbb", "#c0504d", "#4f8f3a", "#7a5aa6", "#c98a1b")


def machine() -> dict[str, str]:
    model = next((line.split(":", 1)[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False)
    return {"processor": f"{model}, {os.cpu_count()} cores", "kernel": platform.release(), "commit": commit.stdout.strip() or "unknown",
            "day": datetime.date.today().isoformat(), "load of other work": f"{os.getloadavg()[0]:.0f}"}


def figure(samples: list[Sample], rows: int) -> dict[str, float]:
    """Medians, and how far the runs were apart; of runs that were traced, the system calls alone."""
    if "calls" in samples[0].more:
        calls = statistics.median(sample.more["calls"] for sample in samples)
        return {"calls_a_thousand_events": 1000 * calls / samples[0].more["events"], "runs": len(samples)}
    walls = [sample.wall_s for sample in samples]
    figures = {"wall_s": statistics.median(walls), "wall_min_s": min(walls), "wall_max_s": max(walls),
               "cpu_us_a_row": statistics.median(sample.cpu_s for sample in samples) * 1e6 / rows,
               "rows_a_second": rows / statistics.median(walls), "peak_mib": max(sample.peak_mib for sample in samples),
               "runs": len(samples)}
    for key in ("allocations_a_row", "copied_a_byte", "bytes_out"):
        if key in samples[0].more:
            figures[key] = samples[0].more[key]
    if "between" in samples[0].more:
        figures["between"] = figure([sample.more["between"] for sample in samples], rows - 1)
    for who in ("twin", "server"):
        if f"{who}_cpu_s" in samples[0].more:
            figures[f"{who}_cpu_us_a_row"] = statistics.median(sample.more[f"{who}_cpu_s"] for sample in samples) * 1e6 / rows
    return figures


class Report:
    """Collects what was measured and why what was not."""

    def __init__(self) -> None:
        self.head = machine()
        self.sections: list[dict] = []
        self.notes: list[str] = []
        self.snapshots: list[dict] = []
        self.latencies: list[dict] = []
        self.curves: list[dict] = []

    def section(self, server: str, dataset: str, changes: int, size: int, lines: list[tuple[str, dict | str]]) -> None:
        """A line is a title and its figures, or the words why there are none."""
        spread: list[tuple[str, dict | str]] = []
        for title, got in lines:
            spread.append((title, got))
            if not isinstance(got, str) and "between" in got:
                spread.append((f"{title.removesuffix(START)}, from first event to last", got["between"]))
        self.sections.append({"server": server, "dataset": dataset, "changes": changes, "bytes": size, "lines": spread})

    def snapshot(self, server: str, rows: int, lines: list[tuple[str, dict | str]]) -> None:
        """The first line is the one that the others are measured against."""
        self.snapshots.append({"server": server, "rows": rows, "lines": lines})

    def curve(self, server: str, title: str, unit: str, names: dict[str, str], points: list[dict]) -> None:
        self.curves.append({"server": server, "title": title, "unit": unit, "names": names, "points": points})

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
            parts.append("| | wall s | wall of the drain's | MiB/s of binlog | rows/s | cpu µs a row | the twin's | bytes out a row | peak MiB | "
                         "allocations a row | copied a byte | calls / 1,000 events |\n" + "|---" * 12 + "|")
            for title, got in section["lines"]:
                parts.append(f"| {title} | void: {got} |" + " |" * 10 if isinstance(got, str) else self._line(title, got, section))
            parts.append("")
        for one in self.snapshots:
            parts.append(f"## Snapshot of {one['rows']:,} rows of 4 narrow columns: {one['server']}\n")
            parts.append("| | wall s | rows/s | of the drain's rate | cpu µs a row | the server's | the twin's | peak MiB |\n"
                         "|---|---|---|---|---|---|---|---|")
            drain = one["lines"][0][1]
            parts += [self._snapshot_line(title, got, drain) for title, got in one["lines"]]
            parts.append("")
        if self.latencies:
            parts.append("## From commit to durable\n")
            parts.append("| server | rows/s | flush interval ms | commits | p50 ms | p99 ms | max ms |\n|---|---|---|---|---|---|---|")
            parts += [f"| {one['server']} | {one['rate']} | {one['interval_ms']} | {one['commits']} | {one['p50_ms']:.0f} | "
                      f"{one['p99_ms']:.0f} | {one['max_ms']:.0f} |" for one in self.latencies]
            parts.append("")
        for curve in self.curves:
            parts += self._curve_lines(curve)
        parts += ["## Not run\n", *[f"* {note}" for note in self.notes or ["nothing was left out"]], ""]
        return "\n".join(parts)

    @staticmethod
    def _snapshot_line(title: str, got: dict | str, drain: dict | str) -> str:
        if isinstance(got, str):
            return f"| {title} | void: {got} | | | | | | |"
        ratio = "" if isinstance(drain, str) else f"{drain['wall_s'] / got['wall_s']:.2f}"
        peak = f"{got['peak_mib']:.0f}" if got["peak_mib"] else ""
        twin = f"{got['twin_cpu_us_a_row']:.2f}" if "twin_cpu_us_a_row" in got else ""
        return (f"| {title} | {got['wall_s']:.3f} ({got['wall_min_s']:.3f} to {got['wall_max_s']:.3f}) | {got['rows_a_second']:,.0f} | "
                f"{ratio} | {got['cpu_us_a_row']:.2f} | {got['server_cpu_us_a_row']:.2f} | {twin} | {peak} |")

    @staticmethod
    def _curve_lines(curve: dict) -> list[str]:
        names = curve["names"]
        lines = [f"## {curve['title']}: {curve['server']}\n", f"Processor {curve['unit']}; the last column is the peak of the memory.\n",
                 f"| | rows | MiB of binlog | {' | '.join(names.values())} | peak MiB |", "|---" * (len(names) + 4) + "|"]
        for point in curve["points"]:
            costs = [point["cost"][name] for name in names]
            shown = " | ".join(f"void: {cost}" if isinstance(cost, str) else f"{cost:.3f}" for cost in costs)
            lines.append(f"| {point['x']:,} | {point['rows']:,} | {point['bytes'] / 2 ** 20:,.1f} | {shown} | "
                         f"{max(point['peak_mib'].values(), default=0):.0f} |")
        return [*lines, ""]

    @staticmethod
    def _line(title: str, got: dict, section: dict) -> str:
        if "calls_a_thousand_events" in got:
            return f"| {title} |" + " |" * 10 + f" {got['calls_a_thousand_events']:,.0f} |"
        rate = section["bytes"] / 2 ** 20 / got["wall_s"]
        drain = next((one["wall_s"] for name, one in section["lines"] if name == DRAIN_TITLE and not isinstance(one, str)), None)
        ratio = f"{got['wall_s'] / drain:.2f}" if drain else ""
        twin = f"{got['twin_cpu_us_a_row']:.2f}" if "twin_cpu_us_a_row" in got else ""
        allocations = f"{got['allocations_a_row']:.4f}" if "allocations_a_row" in got else ""
        copied = f"{got['copied_a_byte']:.4f}" if "copied_a_byte" in got else ""
        out = f"{got['bytes_out'] / section['changes']:,.0f}" if got.get("bytes_out") else ""
        peak = f"{got['peak_mib']:.0f}" if got["peak_mib"] else ""
        return (f"| {title} | {got['wall_s']:.3f} ({got['wall_min_s']:.3f} to {got['wall_max_s']:.3f}) | {ratio} | {rate:,.0f} | "
                f"{got['rows_a_second']:,.0f} | {got['cpu_us_a_row']:.2f} | {twin} | {out} | {peak} | {allocations} | {copied} | |")

    def page(self) -> str:
        body = [f"<h1>What Millrace costs</h1><p>{html.escape(', '.join(f'{key} {value}' for key, value in self.head.items()))}</p>"]
        for section in self.sections:
            lines = [(title, got) for title, got in section["lines"] if not isinstance(got, str) and "wall_s" in got]
            body.append(f"<h2>{html.escape(section['dataset'])}: {html.escape(section['server'])}</h2>"
                        f"<p>{section['changes']:,} row changes in {section['bytes'] / 2 ** 20:.1f} MiB of binlog</p>")
            body.append(plot("processor µs a row", [(title, got["cpu_us_a_row"]) for title, got in lines]))
            body.append(plot("rows a second", [(title, got["rows_a_second"]) for title, got in lines]))
            body += [f"<p>{html.escape(title)} is void: {html.escape(got)}</p>" for title, got in section["lines"] if isinstance(got, str)]
        for one in self.snapshots:
            body.append(f"<h2>Snapshot of {one['rows']:,} rows of 4 narrow columns: {html.escape(one['server'])}</h2>")
            body.append(plot("rows a second", [(title, got["rows_a_second"]) for title, got in one["lines"] if not isinstance(got, str)]))
        for server in sorted({one["server"] for one in self.latencies}):
            body.append(f"<h2>From commit to durable: {html.escape(server)}</h2>")
            body.append(plot("ms at the median, and at the 99th percentile",
                             [(f"{one['rate']:,} rows/s, {name}", one[f"{name}_ms"]) for one in self.latencies if one["server"] == server
                              for name in ("p50", "p99")]))
        for curve in self.curves:
            body.append(f"<h2>{html.escape(curve['title'])}: {html.escape(curve['server'])}</h2>")
            body.append(plot_lines(f"processor {curve['unit']}", {title: [(point["x"], point["cost"][name]) for point in curve["points"]
                                                                          if not isinstance(point["cost"][name], str)]
                                                                  for name, title in curve["names"].items()}))
        return ("<!doctype html><meta charset='utf-8'><title>What Millrace costs</title>"
                "<style>body{font:14px sans-serif;margin:2em;max-width:60em}svg{display:block;margin:0 0 1.5em}</style>" + "".join(body))

    def write(self, folder: pathlib.Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.md").write_text(self.markdown())
        (folder / "report.html").write_text(self.page())
        (folder / "report.json").write_text(json.dumps({"head": self.head, "sections": self.sections, "snapshots": self.snapshots,
                                                        "latencies": self.latencies, "curves": self.curves, "notes": self.notes}, indent=1))


def plot(unit: str, bars: list[tuple[str, float]]) -> str:
    """Horizontal bars, as SVG; over a logarithmic axis, which is said, where the figures are far apart."""
    if not bars:
        return ""
    most, least = max(value for _, value in bars) or 1, min(value for _, value in bars)
    far = 0 < least * FAR_APART < most
    floor = 10 ** math.floor(math.log10(least)) if far else 0
    left = LETTER_WIDTH * max(len(title) for title, _ in bars)

    def length(value: float) -> float:
        return BAR_WIDTH * (math.log10(value / floor) / math.log10(most / floor) if far else value / most)

    drawn = [f"<text x='0' y='14' font-weight='bold'>{html.escape(unit)}{', logarithmic' if far else ''}</text>"]
    for index, (title, value) in enumerate(bars, start=1):
        y = ROW_HEIGHT * index
        shown = f"{value:,.2f}" if value < 100 else f"{value:,.0f}"
        drawn.append(f"<text x='{left:.0f}' y='{y + 14}' text-anchor='end'>{html.escape(title)}</text>"
                     f"<rect x='{left + 10:.0f}' y='{y + 3}' width='{max(length(value), 1):.1f}' height='{ROW_HEIGHT - 7}' "
                     f"fill='{'#2a6fbb' if title.startswith(OURS) else '#8a8a8a'}'/>"
                     f"<text x='{left + 15 + length(value):.1f}' y='{y + 14}'>{shown}</text>")
    return f"<svg width='{left + BAR_WIDTH + 110:.0f}' height='{ROW_HEIGHT * (len(bars) + 1)}' font-size='12'>{''.join(drawn)}</svg>"


def plot_lines(unit: str, curves: dict[str, list[tuple[float, float]]]) -> str:
    """Lines over a logarithmic axis, as SVG; the other axis begins at nothing, so that what is flat looks flat."""
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return ""
    low, high = math.log10(min(x for x, _ in points)), math.log10(max(x for x, _ in points))
    most = max(y for _, y in points) or 1

    def place(x: float, y: float) -> tuple[float, float]:
        return (CURVE_LEFT + (math.log10(x) - low) / ((high - low) or 1) * CURVE_WIDTH, 30 + (1 - y / most) * CURVE_HEIGHT)

    drawn = [f"<text x='0' y='14' font-weight='bold'>{html.escape(unit)}</text>",
             f"<text x='{CURVE_LEFT - 6}' y='38' text-anchor='end'>{most:.2g}</text>",
             f"<path d='M{CURVE_LEFT} 30V{30 + CURVE_HEIGHT}H{CURVE_LEFT + CURVE_WIDTH}' fill='none' stroke='#8a8a8a'/>"]
    for x in sorted({x for x, _ in points}):
        drawn.append(f"<text x='{place(x, 0)[0]:.0f}' y='{48 + CURVE_HEIGHT}' text-anchor='middle'>{x:,}</text>")
    for index, (title, curve) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in curve))
        drawn.append(f"<polyline points='{line}' fill='none' stroke='{colour}' stroke-width='2'/>"
                     f"<text x='{CURVE_LEFT + CURVE_WIDTH + 12}' y='{44 + ROW_HEIGHT * index}' fill='{colour}'>{html.escape(title)}</text>")
    return f"<svg width='{CURVE_LEFT + CURVE_WIDTH + 200}' height='{CURVE_HEIGHT + 60}' font-size='12'>{''.join(drawn)}</svg>"
