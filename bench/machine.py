"""Where and with what it was measured: a figure without that is no figure."""

import datetime
import os
import platform
import re
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = ["libtbb12", "libglib2.0-0", "libgomp1", "libomp5-19", "libpthreadpool0"]
CRATES = ["rayon", "rayon-core", "chili", "crossbeam-deque"]


def first_line(*command):
    try:
        out = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return out.strip().splitlines()[0] if out.strip() else "unknown"


def field_of(path, pattern):
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        return "unknown"
    return found.group(1).strip() if found else "unknown"


def hypervisor():
    try:
        out = subprocess.run(["lscpu"], capture_output=True, text=True, timeout=20, check=True,
                             env={**os.environ, "LC_ALL": "C"}).stdout
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    found = re.search(r"^Hypervisor vendor:\s*(.+)$", out, re.MULTILINE)
    return found.group(1) if found else "none"


def package(name):
    version = first_line("dpkg-query", "-W", "-f", "${Version}", name)
    return f"{name} {version}"


def crate(name):
    lock = os.path.join(HERE, "peers", "rust", "Cargo.lock")
    pattern = f'name = "{name}"\nversion = "([0-9.]+)'
    return f"{name} {field_of(lock, pattern)}"


def facts(workers, quick):
    return {
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
        "run": "quick: a look, no result" if quick else "full",
        "tp": first_line("git", "-C", HERE, "-c", "safe.directory=*", "describe", "--always", "--dirty", "--tags"),
        "cpu": field_of("/proc/cpuinfo", r"^model name\s*:(.*)$"),
        "cpus": f"{len(os.sched_getaffinity(0))} of {os.cpu_count()} CPUs, {workers} workers",
        "hypervisor": hypervisor(),
        "kernel": f"{platform.system()} {platform.release()}",
        "system": field_of("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)'),
        "load at the start": " ".join(f"{load:.1f}" for load in os.getloadavg()),
        "compilers": ", ".join(first_line(tool, "--version") for tool in ("cc", "clang-19", "rustc")),
        "packages": ", ".join(package(name) for name in PACKAGES),
        "crates": ", ".join(crate(name) for name in CRATES),
    }
