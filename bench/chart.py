"""A picture of a workload: a panel a metric, a bar a peer up to its median, a line from its least to its most."""

import math
from html import escape

import results

WIDTH, LEFT, BARS, ROW = 760, 110, 430, 24
COLOURS = {"tp": "#4a90e2", "tp-batch": "#9cc3f0", "tp-guest": "#9cc3f0"}
OTHERS = "#b9bec5"
# Where the largest is so many times the smallest, bars on a plain scale would be too small to see.
WIDE = 30


def text(x, y, what, size=12, anchor="start", colour="#24292f", weight="normal"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}" '
            f'font-weight="{weight}">{escape(what)}</text>')


def line(x1, y1, x2, y2, colour="#57606a"):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def scale(values):
    """Returns a function from value to width, and whether it is logarithmic."""
    most = max(values)
    positive = [value for value in values if value > 0]
    if not positive:
        return (lambda value: 0), False
    if most / min(positive) < WIDE:
        return (lambda value: BARS * value / most), False
    floor = math.floor(math.log10(min(positive)) - 0.2)
    span = math.log10(most) - floor
    return (lambda value: BARS * max(math.log10(value) - floor, 0) / span if value > 0 else 0), True


def panel(result, metric, unit, top):
    peers = sorted((peer for peer in result.peers() if result.values(peer, metric)),
                   key=lambda peer: result.median(peer, metric))
    more = metric in result.workload.more_is_better
    if more:
        peers.reverse()
    width_of, logarithmic = scale([value for peer in peers for value in result.values(peer, metric)])
    title = f"{metric} [{unit}], {'more' if more else 'less'} is better"
    parts = [text(LEFT, top + 14, title + (", logarithmic" if logarithmic else ""), weight="bold")]
    y = top + 24
    for peer in peers:
        values, median, ratio = result.values(peer, metric), result.median(peer, metric), result.ratio(peer, metric)
        middle = y + ROW / 2
        parts.append(text(LEFT - 8, middle + 4, peer, anchor="end", weight="bold" if peer in COLOURS else "normal"))
        parts.append(f'<rect x="{LEFT}" y="{y + 4}" width="{max(width_of(median), 1):.1f}" height="{ROW - 8}" '
                     f'fill="{COLOURS.get(peer, OTHERS)}"/>')
        least, most = LEFT + width_of(min(values)), LEFT + width_of(max(values))
        parts += [line(least, middle, most, middle)] + [line(x, middle - 4, x, middle + 4) for x in (least, most)]
        parts.append(text(LEFT + BARS + 70, middle + 4, results.short(median), anchor="end"))
        if ratio is not None and peer != "tp":
            parts.append(text(LEFT + BARS + 165, middle + 4, f"{results.short(ratio)} x tp", anchor="end"))
        y += ROW
    return parts, y + 16


def draw(result, facts):
    parts, y = [], 62
    for metric, unit in result.metrics().items():
        more, y = panel(result, metric, unit, y)
        parts += more
    notes = [f"{facts['cpu']}, {facts['cpus']}; hypervisor: {facts['hypervisor']}; {facts['kernel']}",
             f"tp {facts['tp']}, {facts['date']}, {facts['run']}"]
    head = [text(20, 26, result.workload.title, size=16, weight="bold"),
            text(20, 46, result.setting() + "; bar: median, line: least to most", colour="#57606a")]
    foot = [text(20, y + 14 * number, note, size=10, colour="#57606a") for number, note in enumerate(notes, 1)]
    height = y + 14 * len(notes) + 14
    svg = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" '
           f'viewBox="0 0 {WIDTH} {height}" font-family="sans-serif">',
           f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>', *head, *parts, *foot, "</svg>"]
    return "\n".join(svg) + "\n"
