"""What it costs a worker that somebody looks: tallies and live flows in process, scrapes and API queries of a whole probe."""
import os
import re
import statistics
import subprocess
import threading
import time
import urllib.request

from . import testpmd
from .machine import BENCH, ENVIRONMENT, PARSHALL, load, text

PORT = 19184
# Seconds of one state; the first of each does not count.
STATE = 3
PATHS = ["/metrics", "/api/v1/flows?top=1000", "/api/v1/stats"]


class Asker:
    """Threads that ask the probe without pause while they are told to, on the control side's processor."""

    def __init__(self):
        self.asking, self.over, self.answers = threading.Event(), False, 0
        self.threads = [threading.Thread(target=self.ask, args=(path,), daemon=True) for path in PATHS]
        for thread in self.threads:
            thread.start()

    def ask(self, path):
        os.sched_setaffinity(0, {0})
        while not self.over:
            if not self.asking.wait(0.1):
                continue
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5) as answer:
                    answer.read()
                self.answers += 1
            except OSError:
                time.sleep(0.05)


def seconds_of(process, asker, rounds):
    """Packets a second without and with questions, second by second; and answers a second while there are questions."""
    told = []

    def listen():
        for line in process.stdout:
            for rate in re.findall(r"Rx-pps:\s*(\d+)", line):
                told.append((time.monotonic(), float(rate)))

    threading.Thread(target=listen, daemon=True).start()
    time.sleep(4)
    quiet, asked, answers = [], [], 0
    for _ in range(rounds):
        for rates, asking in ((quiet, False), (asked, True)):
            before, began = asker.answers, time.monotonic()
            (asker.asking.set if asking else asker.asking.clear)()
            time.sleep(STATE + 0.2)
            # A printed second is the one before it was printed.
            rates.append([rate for at, rate in told if began + 2 <= at <= began + STATE + 0.2])
            answers += asker.answers - before
    asker.over = True
    return quiet, asked, answers / (rounds * (STATE + 0.2))


def whole(options, scratch):
    capture = load(scratch, "udp.pcap", "--kind", "udp", "--packets", "10000", "--size", "60")
    command = [PARSHALL, "run", *testpmd.eal(f"net_pcap0,rx_pcap={capture},infinite_rx=1"), "--stats-period", "1", "--nb-cores", "1", "--listen", f"127.0.0.1:{PORT}", "--max-flows", "200000"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
    try:
        quiet, asked, answers = seconds_of(process, Asker(), 4 if options.quick else 8)
    finally:
        process.terminate()
        process.wait(timeout=30)
    pairs = [statistics.median(b) / statistics.median(a) - 1 for a, b in zip(quiet, asked) if a and b]
    if not pairs:
        return ["Not measured: the probe told no rates."]
    without = statistics.median(rate for rates in quiet for rate in rates) / 1e6
    low, high = min(pairs) * 100, max(pairs) * 100
    return [
        "| asked for | Mpps median without | packets a second with, above it: median | least and most | answers a second |", "|---|---|---|---|---|",
        f"| {', '.join(PATHS)} | {without:.1f} | {statistics.median(pairs) * 100:+.2f} % | {low:+.1f} to {high:+.1f} % | {answers:.0f} |",
    ]


def run(options, scratch):
    chunks = "100" if options.quick else "400"
    out = [
        "## Being looked at", "",
        "In process, the worker from memory: chunks of 32,768 packets without and with questions in turn, a thread on the other core asking as fast as answers come.", "",
        text(BENCH, "publish", "--chunks", chunks), "",
        "The whole probe on net_pcap (64 B, UDP, 1 k flows): three readers on the control side's core without pause, and none, in turn of some seconds.", "",
    ]
    return out + (whole(options, scratch) if testpmd.possible() else ["Not run: it needs root and hugepages."])
