"""What runs where: the programs that are measured, the captures they read, and the machine's own description."""
import contextlib
import os
import platform
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TARGET = os.path.join(ROOT, "target", "release")
PARSHALL = os.path.join(TARGET, "parshall")
BENCH = os.path.join(TARGET, "parshall-bench")
TRAFFIC = os.path.join(TARGET, "parshall-traffic")
ENVIRONMENT = dict(os.environ, RUST_BACKTRACE="0", RUST_LIB_BACKTRACE="0")


def text(*command):
    """What a command prints; empty where it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=ENVIRONMENT)
    except OSError:
        return ""
    return done.stdout.strip()


def description():
    """The lines at the head of the results."""
    model = re.search(r"model name\s*:\s*(.*)", open("/proc/cpuinfo", encoding="utf-8").read())
    pages = re.search(r"HugePages_Total:\s*(\d+)", open("/proc/meminfo", encoding="utf-8").read())
    changed = text("git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no")
    return [
        f"- machine: {model.group(1) if model else platform.machine()}, {os.cpu_count()} CPUs, Linux {platform.release()}, {pages.group(1) if pages else 0} huge pages of 2 MB",
        f"- DPDK {text('pkg-config', '--modversion', 'libdpdk')}, {text('rustc', '--version')}",
        f"- commit {text('git', '-C', ROOT, 'rev-parse', '--short', 'HEAD')}{' (changed)' if changed else ''}, {time.strftime('%Y-%m-%d')}",
        f"- command: `{' '.join(['scripts/bench', *sys.argv[1:]])}`",
    ]


# Memory of a flow with its history and its place in the index, its stream and its share of the ring. Unit: bytes.
FLOW = 1350


def that_fit(flows):
    """Those of some numbers of flows, separated by commas, that memory has room for; and a sentence where some were left out."""
    about = open("/proc/meminfo", encoding="utf-8").read()
    kilobytes = {name: int(number) for name, number in re.findall(r"(\w+):\s*(\d+)", about)}
    room = 1024 * (kilobytes.get("MemAvailable", 0) + kilobytes.get("HugePages_Free", 0) * kilobytes.get("Hugepagesize", 0))
    asked = [int(number) for number in flows.split(",")]
    fit = [number for number in asked if number * FLOW < room]
    left = [f"{number:,}" for number in asked if number not in fit]
    return ",".join(map(str, fit)), f"Left out, for {room / 1e9:.0f} GB of memory are free: {' and '.join(left)} flows." if left else ""


def others():
    """Every task of the machine but ours: processes, their threads, and those of the kernel."""
    for process in os.listdir("/proc"):
        if process.isdigit() and int(process) != os.getpid():
            with contextlib.suppress(OSError):
                yield from map(int, os.listdir(f"/proc/{process}/task"))


@contextlib.contextmanager
def nobody_else_on(processor):
    """Keeps every task that can be moved off a processor for a while, but for this process and what it starts.

    Among them is the kernel's rcu_preempt, which many short connections wake hundreds of times a second: it interrupts
    whoever works there. In production isolcpus= on the kernel's command line does the same.
    """
    moved = {}
    for task in others():
        with contextlib.suppress(OSError):
            allowed = os.sched_getaffinity(task)
            if processor in allowed and len(allowed) > 1:
                os.sched_setaffinity(task, allowed - {processor})
                moved[task] = allowed
    try:
        yield
    finally:
        for task, allowed in moved.items():
            with contextlib.suppress(OSError):
                os.sched_setaffinity(task, allowed)


def build():
    """Builds every program that is measured."""
    subprocess.run(["cargo", "build", "--release", "--quiet", "--workspace", "--bins"], cwd=ROOT, check=True)


def rows(*arguments):
    """The rows of a table that parshall-bench prints, without its head."""
    table = [line for line in text(BENCH, *arguments).splitlines() if line.startswith("|")]
    return table[2:]


def load(scratch, name, *arguments):
    """A capture of made-up load; its path."""
    path = os.path.join(scratch, name)
    if not os.path.exists(path):
        subprocess.run([TRAFFIC, "load", "--out", path, *arguments], check=True, capture_output=True)
    return path
