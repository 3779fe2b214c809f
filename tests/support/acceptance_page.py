# SPDX-License-Identifier: Apache-2.0
"""The table of docs/acceptance.md, from the scenarios themselves: python3 acceptance_page.py prints it."""

from __future__ import annotations

import scenarios


def table() -> str:
    lines = []
    for group, members in scenarios.GROUPS.items():
        lines += [f"## {group[0].upper()}{group[1:]}", "", "| Scenario | Flink CDC's | Kills | Statements | In `./check` |",
                  "|---|---|---|---|---|"]
        for one in members:
            kills = "yes" if one.kills else "no: the engine ends by itself"
            alters = "yes" if one.alters else "no: its end is not the source's shape, or its statements are the point"
            short = ", ".join(f"{family} to {warehouse}" for family, warehouse in one.short) or "–"
            lines.append(f"| {one.name} | {one.flink} | {kills} | {alters} | {short} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(table(), end="")
