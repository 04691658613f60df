"""What was measured: kept, printed as tables, saved as CSV."""

import csv
import statistics


class Result:
    """All rounds of one workload."""

    def __init__(self, workload, size, workers, rounds):
        self.workload, self.size, self.workers, self.rounds = workload, size, workers, rounds
        self.rows = []  # (peer, round, metric, value, unit)
        self.left_out = {}  # peer: why
        self.failures = []  # (peer, round, why)

    def add(self, peer, number, metrics):
        self.rows += [(peer, number, name, value, unit) for name, value, unit in metrics]

    def metrics(self):
        """{name: unit}, in the order in which they were printed."""
        return {name: unit for _, _, name, _, unit in self.rows}

    def peers(self):
        return list(dict.fromkeys(row[0] for row in sorted(self.rows, key=lambda row: row[1])))

    def values(self, peer, metric):
        return [row[3] for row in self.rows if row[0] == peer and row[2] == metric]

    def median(self, peer, metric):
        values = self.values(peer, metric)
        return statistics.median(values) if values else None

    def ratio(self, peer, metric):
        """How many times tp's median this peer's is; None without a tp, or where that is nothing."""
        mine, tps = self.median(peer, metric), self.median("tp", metric)
        return mine / tps if mine is not None and tps else None

    def setting(self):
        rounds = f"{self.rounds} round" + ("s" if self.rounds > 1 else "")
        return f"{self.size:,} {self.workload.unit}, {self.workers} workers, {rounds}"


def short(value):
    """About three digits, however large."""
    if value >= 100 or value == 0:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.3f}"


def table(result):
    lines = [f"{result.workload.name}. {result.workload.title}: {result.setting()}"]
    metrics = result.metrics()
    top, head = " " * 14, " " * 14
    for metric, unit in metrics.items():
        more = ", more is better" if metric in result.workload.more_is_better else ""
        top += f"{f'{metric} [{unit}]{more}':>30}"
        head += f"{'median':>12}{'min':>10}{'x tp':>8}"
    if metrics:
        lines += [top, head]
    for peer in sorted(result.peers(), key=lambda peer: not peer.startswith("tp")):
        line = f"  {peer:<12}"
        for metric in metrics:
            ratio = result.ratio(peer, metric)
            if not result.values(peer, metric):
                line += f"{'-':>12}{'-':>10}{'-':>8}"
                continue
            line += f"{short(result.median(peer, metric)):>12}{short(min(result.values(peer, metric))):>10}"
            line += f"{'-' if ratio is None else short(ratio):>8}"
        lines.append(line)
    for peer, number, why in result.failures:
        lines.append(f"  {peer}, round {number}: {why}")
    reasons = {}
    for peer, why in result.left_out.items():
        reasons.setdefault(why, []).append(peer)
    lines += [f"  left out: {', '.join(peers)} ({why})" for why, peers in reasons.items()]
    return "\n".join(lines)


def save(path, results, facts):
    """Every single value, after lines that begin with # and say where it comes from."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        for name, value in facts.items():
            file.write(f"# {name}: {value}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["workload", "size", "workers", "peer", "round", "metric", "value", "unit"])
        for result in results:
            for peer, number, metric, value, unit in result.rows:
                writer.writerow([result.workload.name, result.size, result.workers, peer, number, metric, value, unit])
            for peer, number, why in result.failures:
                writer.writerow([result.workload.name, result.size, result.workers, peer, number, why, "", ""])
