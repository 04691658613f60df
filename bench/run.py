#!/usr/bin/env python3
"""Runs every workload for every peer, round by round, and prints, saves and draws what they measured.

Each round of each peer is a process of its own, and the peers take turns: a slow moment of the machine hits all, and a
peer that spins cannot disturb the next one. A peer that fails is said to have failed; the others go on.

usage: run.py [--quick] [--rounds N] [--only WORKLOAD,...] [--peers PEER,...] [DIRECTORY]

DIRECTORY is where the programs are, and where results.csv and the pictures go: build/bench.
"""

import argparse
import os
import subprocess
import sys
import time

import chart
import machine
import results
from workloads import WORKLOADS

PEERS = ["tp", "tp-batch", "tp-guest", "tbb", "glib", "libgomp", "libomp", "dispatch", "pthreadpool", "rayon", "chili",
         "crossbeam", "std", "plain", "rust"]
NAMES = {"tbb": "oneTBB", "glib": "GLib", "dispatch": "libdispatch"}
# A search goes deeper than the stacks of some are made for.
STACKS = {"OMP_STACKSIZE": "16M", "RUST_MIN_STACK": str(16 << 20)}


def names(text):
    return [name for name in text.split(",") if name]


def arguments():
    parser = argparse.ArgumentParser(description="Compares tp with other thread pools.")
    parser.add_argument("directory", nargs="?", default="build/bench", metavar="DIRECTORY")
    parser.add_argument("--quick", action="store_true", help="small sizes and three rounds: a look, no result")
    parser.add_argument("--rounds", type=int, help="rounds of each workload (7, or fewer where one is long)")
    parser.add_argument("--only", type=names, help="of: " + " ".join(workload.name for workload in WORKLOADS))
    parser.add_argument("--peers", type=names, help="of: " + " ".join(PEERS))
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="workers (one a CPU)")
    chosen = parser.parse_args()
    for given, known in ((chosen.only, [w.name for w in WORKLOADS]), (chosen.peers, PEERS)):
        for name in set(given or []) - set(known):
            parser.error(f"no such workload or peer: {name}")
    return chosen


def run_once(program, workload, workers, size, limit_s):
    """One process. Returns its metrics as [(name, value, unit)], or a string: why there are none."""
    command = [program, workload, str(workers), str(size)]
    # A session of its own, so that a time limit also reaches the children.
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True, env={**os.environ, **STACKS})
    try:
        out, err = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        process.communicate()
        return f"failed: not over in {limit_s} s"
    if process.returncode != 0:
        code = process.returncode
        lines = err.strip().splitlines() or [""]
        return f"failed: {f'exit {code}' if code > 0 else f'signal {-code}'} {lines[-1]}".strip()
    metrics = []
    for line in out.splitlines():
        name, _, rest = line.partition(" ")
        if name == "skip":
            return rest
        value, _, unit = rest.partition(" ")
        try:
            metrics.append((name, float(value), unit))
        except ValueError:
            return f"failed: printed {line}"
    return metrics or "failed: printed nothing"


def run_workload(workload, peers, chosen):
    size = workload.quick_size if chosen.quick else workload.size
    rounds = chosen.rounds or (workload.quick_rounds if chosen.quick else workload.rounds)
    result = results.Result(workload, size, chosen.workers * workload.crowd, rounds)
    taking_part = list(peers)
    for number in range(rounds):
        first = number % max(len(taking_part), 1)
        for peer in taking_part[first:] + taking_part[:first]:
            program = os.path.join(chosen.directory, f"bench-{peer}")
            outcome = run_once(program, workload.name, chosen.workers, size, 20 if chosen.quick else 60)
            if isinstance(outcome, list):
                result.add(peer, number + 1, outcome)
            elif outcome.startswith("failed"):
                result.failures.append((peer, number + 1, outcome))
            else:
                result.left_out[peer] = outcome
                taking_part.remove(peer)
    return result


def main():
    chosen = arguments()
    peers = []
    for peer in chosen.peers or PEERS:
        if os.access(os.path.join(chosen.directory, f"bench-{peer}"), os.X_OK):
            peers.append(peer)
        else:
            print(f"{NAMES.get(peer, peer)}: not found, left out")
    if not peers:
        sys.exit(f"no programs in {chosen.directory}: make bench builds them")
    facts = machine.facts(chosen.workers, chosen.quick)
    for name, value in facts.items():
        print(f"{name}: {value}")
    began = time.monotonic()
    done = []
    try:
        for workload in WORKLOADS:
            if chosen.only and workload.name not in chosen.only or chosen.quick and not workload.quick_size:
                continue
            result = run_workload(workload, peers, chosen)
            done.append(result)
            print("\n" + results.table(result), flush=True)
            with open(os.path.join(chosen.directory, f"{workload.name}.svg"), "w", encoding="utf-8") as file:
                file.write(chart.draw(result, facts))
    except KeyboardInterrupt:
        print("\nstopped; what is done is kept")
    path = os.path.join(chosen.directory, "results.csv")
    results.save(path, done, facts)
    failed = sum(len(result.failures) for result in done)
    print(f"\n{path} and a picture a workload, after {time.monotonic() - began:.0f} s" +
          (f"; {failed} processes FAILED" if failed else ""))


if __name__ == "__main__":
    main()
