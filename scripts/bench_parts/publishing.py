"""What it costs a worker that somebody looks: tallies and live flows in process, scrapes and API queries of a whole probe."""
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.request

from . import testpmd
from .machine import BENCH, ENVIRONMENT, PARSHALL, load, text

PORT = 19184
# Seconds of one state; the first does not count.
STATE = 3
# What happens on the control side's processor. The first is no question at all: what another busy processor takes from the
# worker's by sharing caches, memory or, on a virtual machine, a core.
STATES = [
    ("a loop that only computes", []),
    ("/metrics", ["/metrics"]),
    ("/metrics, /api/v1/flows, /api/v1/stats at once", ["/metrics", "/api/v1/flows?top=1000", "/api/v1/stats"]),
]
LOOP = "import os\nos.sched_setaffinity(0, {0})\nwhile True: pass"


class Asker:
    """Asks the probe for some paths without pause, each in a thread on the control side's processor, until it is stopped."""

    def __init__(self, paths):
        self.over, self.answers = False, 0
        self.threads = [threading.Thread(target=self.ask, args=(path,)) for path in paths]
        self.loop = None if paths else subprocess.Popen([sys.executable, "-c", LOOP])
        for thread in self.threads:
            thread.start()

    def ask(self, path):
        os.sched_setaffinity(0, {0})
        while not self.over:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5) as answer:
                    answer.read()
                self.answers += 1
            except OSError:
                time.sleep(0.05)

    def stop(self):
        """Ends it; answers a second."""
        self.over = True
        for thread in self.threads:
            thread.join()
        if self.loop:
            self.loop.kill()
            self.loop.wait()
        return self.answers / STATE


def seconds_between(told, began):
    """The seconds that were printed behind the first of a state: a printed second is the one before it was printed."""
    return [rate for at, rate in told if began + 2 <= at <= began + STATE + 0.2]


def pairs(told, paths, rounds):
    """For each round the packets a second without and with questions, and the answers a second."""
    out = []
    for _ in range(rounds):
        began = time.monotonic()
        time.sleep(STATE + 0.2)
        quiet = seconds_between(told, began)
        began, asker = time.monotonic(), Asker(paths)
        time.sleep(STATE + 0.2)
        answers, asked = asker.stop(), seconds_between(told, began)
        if quiet and asked:
            out.append((statistics.median(quiet), statistics.median(asked), answers))
    return out


def whole(options, scratch):
    capture = load(scratch, "udp.pcap", "--kind", "udp", "--packets", "10000", "--size", "60")
    command = [PARSHALL, "run", *testpmd.eal(f"net_pcap0,rx_pcap={capture},infinite_rx=1"), "--stats-period", "1", "--nb-cores", "1", "--listen", f"127.0.0.1:{PORT}", "--max-flows", "200000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
    told = []

    def listen():
        for line in process.stdout:
            told.extend((time.monotonic(), float(rate)) for rate in re.findall(r"Rx-pps:\s*([1-9]\d*)", line))

    threading.Thread(target=listen, daemon=True).start()
    out = ["| beside the worker | Mpps median without | with, above it: median | least and most | answers a second |", "|---|---|---|---|---|"]
    try:
        time.sleep(3)
        for name, paths in STATES:
            measured = pairs(told, paths, 2 if options.quick else 4)
            if not measured:
                out.append(f"| {name} | the probe told no rates | | | |")
                continue
            shares = [asked / quiet * 100 - 100 for quiet, asked, _ in measured]
            without, answers = (statistics.median(row[at] for row in measured) for at in (0, 2))
            out.append(f"| {name} | {without / 1e6:.1f} | {statistics.median(shares):+.1f} % | {min(shares):+.1f} to {max(shares):+.1f} % | {answers:.0f} |")
    finally:
        process.terminate()
        process.wait(timeout=30)
    return out


def run(options, scratch):
    chunks = "100" if options.quick else "400"
    out = [
        "## Being looked at", "",
        "In process, the worker from memory: chunks of 32,768 packets without and with questions in turn, a thread on the other core asking as fast as answers come.", "",
        text(BENCH, "publish", "--chunks", chunks), "",
        "The whole probe on net_pcap (64 B, UDP, 1 k flows): readers on the control side's core without pause, and none, in turn",
        "of some seconds. What the loop takes is the machine's; what questions cost beyond it is the probe's.", "",
    ]
    return out + (whole(options, scratch) if testpmd.possible() else ["Not run: it needs root and hugepages."])
