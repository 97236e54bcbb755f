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
from .machine import BENCH, ENVIRONMENT, PARSHALL, load, nobody_else_on, text

PORT = 19184
CONTROL, WORKER = {0}, 1
# Seconds of one state; the first does not count.
STATE = 3
# What happens on the control side's processor. The first is no question at all: what another busy processor takes from the
# worker's by sharing caches, memory or, on a virtual machine, a core.
STATES = [
    ("a loop that only computes", []),
    ("/metrics", ["/metrics"]),
    ("/metrics, /api/v1/flows, /api/v1/stats at once", ["/metrics", "/api/v1/flows?top=1000", "/api/v1/stats"]),
]
LOOP = f"import os\nos.sched_setaffinity(0, {CONTROL})\nwhile True: pass"
BUCKET = re.compile(r'^parshall_worker_burst_seconds_bucket\{[^}]*le="([^"]+)"\} (\S+)$', re.MULTILINE)


def get(path):
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}", timeout=5) as answer:
        return answer.read()


class Asker:
    """Asks the probe for some paths without pause, each in a thread, until it is stopped."""

    def __init__(self, paths):
        self.over, self.answers = False, 0
        self.threads = [threading.Thread(target=self.ask, args=(path,)) for path in paths]
        self.loop = None if paths else subprocess.Popen([sys.executable, "-c", LOOP])
        for thread in self.threads:
            thread.start()

    def ask(self, path):
        os.sched_setaffinity(0, CONTROL)
        while not self.over:
            try:
                get(path)
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


class Probe:
    """A probe on net_pcap with one worker, and the packets a second that it says."""

    def __init__(self, capture):
        command = [PARSHALL, "run", *testpmd.eal(f"net_pcap0,rx_pcap={capture},infinite_rx=1"), "--stats-period", "1", "--nb-cores", "1", "--listen", f"127.0.0.1:{PORT}", "--max-flows", "200000"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
        self.told = []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.told.extend((time.monotonic(), float(rate)) for rate in re.findall(r"Rx-pps:\s*([1-9]\d*)", line))

    def bursts(self):
        """Bursts so far by the longest time that their bucket holds, in seconds."""
        longest, count = zip(*((float(at), float(count)) for at, count in BUCKET.findall(get("/metrics").decode())))
        return dict(zip(longest, count))

    def state(self, paths):
        """One state: packets a second behind its first second, p99.9 of bursts in seconds, answers a second."""
        before, began = self.bursts(), time.monotonic()
        asker = Asker(paths) if paths is not None else None
        time.sleep(STATE + 0.2)
        answers = asker.stop() if asker else 0
        rates = [rate for at, rate in self.told if began + 2 <= at <= began + STATE + 0.2]
        grown = [(at, count - before.get(at, 0)) for at, count in sorted(self.bursts().items())]
        most = grown[-1][1]
        return statistics.median(rates) if rates else 0, next(at for at, count in grown if count >= 0.999 * most), answers

    def end(self):
        self.process.terminate()
        self.process.wait(timeout=30)


def compared(probe, name, paths, rounds):
    """A row: states without and with questions in turn."""
    pairs = [(probe.state(None), probe.state(paths)) for _ in range(rounds)]
    pairs = [(quiet, asked) for quiet, asked in pairs if quiet[0] and asked[0]]
    if not pairs:
        return f"| {name} | the probe told no rates | | | | |"
    shares = sorted(asked[0] / quiet[0] * 100 - 100 for quiet, asked in pairs)
    without = statistics.median(quiet[0] for quiet, _ in pairs)
    tails = [statistics.median(pair[side][1] for pair in pairs) * 1e6 for side in (0, 1)]
    quarter = len(shares) // 4
    answers = statistics.median(asked[2] for _, asked in pairs)
    return f"| {name} | {without / 1e6:.1f} | {statistics.median(shares):+.1f} % | {shares[quarter]:+.1f} to {shares[-1 - quarter]:+.1f} % | {tails[0]:.1f}, {tails[1]:.1f} | {answers:.0f} |"


def in_process(options):
    with nobody_else_on(WORKER):
        return text(BENCH, "publish", "--chunks", "100" if options.quick else "400")


def whole(options, scratch):
    capture = load(scratch, "udp.pcap", "--kind", "udp", "--packets", "10000", "--size", "60")
    out = ["| beside the worker | Mpps median without | with, above it: median | middle half | p99.9 of bursts in us, without and with | answers a second |", "|---|---|---|---|---|---|"]
    with nobody_else_on(WORKER):
        probe = Probe(capture)
        try:
            time.sleep(3)
            out += [compared(probe, name, paths, 4 if options.quick else 12) for name, paths in STATES]
        finally:
            probe.end()
    return out


def run(options, scratch):
    out = [
        "## Being looked at", "",
        "In process, the worker from memory: chunks of 32,768 packets without and with questions in turn, a thread on the other core asking as fast as answers come.", "",
        in_process(options), "",
        "The whole probe on net_pcap (64 B, UDP, 1 k flows), its worker on a processor that every other task was moved off: readers",
        "on the other one without pause, and none, in turn of some seconds. What the loop takes is the machine's; what questions cost",
        "beyond it is the probe's. Bursts are told to half an octave.", "",
    ]
    return out + (whole(options, scratch) if testpmd.possible() else ["Not run: it needs root and hugepages."])
