"""The clock of scripts/soak: disturbs the probe, scrapes it, and judges what it saw."""

import collections
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request

PROBE, FOLDER = int(os.environ["PARSHALL_PROBE"]), os.environ["PARSHALL_SOAK"]

# What the file says beside the sinks; each reload takes the next. The last one is a mistake.
CONFIGURATIONS = [
    'max-series = 50000',
    'top-metrics = 10',
    'filter = "tcp or udp"',
    'tcp-idle-timeout = "10s"\nlocal-nets = ["10.0.0.0/8"]',
    'udp-idle-timeout = "5s"\nlive-flows = 1000',
    'udp-idle-timeout = "soon"',
]
# Records that a sink may have waiting: 64 batches of 512, one being written, one being filled.
WAITING = 66 * 512
# Minutes from which on memory is judged: its second quarter ends behind the first 15 minutes then.
WARM = 30
# Chunks without a context switch that a minute needs to be judged.
ENOUGH = 20
# How far apart two counters of one scrape may be: records that were made between them being read.
APART = 8192


class Scrape:
    """One answer of /metrics: sums by name, values by series."""

    def __init__(self, where):
        began = time.monotonic()
        self.text = urllib.request.urlopen(f"http://{where}/metrics", timeout=10).read().decode()
        self.took = time.monotonic() - began
        self.sums, self.series = collections.defaultdict(float), {}
        for line in self.text.splitlines():
            if line and not line.startswith("#"):
                series, value = line.rsplit(" ", 1)
                self.series[series] = float(value)
                self.sums[series.split("{", 1)[0]] += float(value)

    def bursts(self):
        """The histogram of burst times of all workers: upper bound in seconds -> bursts up to it."""
        found = collections.Counter()
        for series, value in self.series.items():
            bound = re.match(r'parshall_worker_burst_seconds_bucket\{.*le="([^"]+)"', series)
            if bound:
                found[float(bound.group(1))] += value
        return found

    def labelled(self, name, label):
        found = {}
        for series, value in self.series.items():
            if series.startswith(name + "{"):
                found[re.search(label + r'="((?:[^"\\]|\\.)*)"', series).group(1)] = value
        return found


def percentile(bursts, share):
    """The time that a share of bursts stays within, in microseconds, taken evenly over its bucket."""
    bounds = sorted(bursts)
    wanted, below, floor = bursts[bounds[-1]] * share, 0.0, 0.0
    for bound in bounds:
        if bursts[bound] >= wanted:
            inside = (wanted - below) / max(bursts[bound] - below, 1)
            return (floor + (min(bound, 2 * floor) - floor) * inside) * 1e6 if floor else bound * inside * 1e6
        below, floor = bursts[bound], bound
    return float("nan")


def without_longest(bursts, number):
    """The histogram without its longest bursts."""
    left = max(bursts[max(bursts)] - number, 0)
    return {bound: min(count, left) for bound, count in bursts.items()}


def address():
    for _ in range(600):
        found = re.search(r"http://([0-9.:]+)/", open(f"{FOLDER}/err").read())
        if found:
            return found.group(1)
        time.sleep(0.1)
    sys.exit("soak: the probe did not start:\n" + open(f"{FOLDER}/err").read())


def resident():
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{PROBE}/status").read()).group(1))


def worker():
    """Where the kernel tells of the worker's thread."""
    for task in os.listdir(f"/proc/{PROBE}/task"):
        status = f"/proc/{PROBE}/task/{task}/status"
        if re.search(r"Name:\s+(rte|lcore)-worker", open(status).read()):
            return status
    sys.exit("soak: the probe has no worker")


def switched(status):
    """Involuntary context switches of the worker so far."""
    return int(re.search(r"nonvoluntary_ctxt_switches:\s+(\d+)", open(status).read()).group(1))


class Disturbance:
    """What goes wrong beside the probe, second by second."""

    def __init__(self):
        self.reader, self.good, self.refused = None, 0, 0

    def second(self, number):
        if number % 10 == 0:
            more = CONFIGURATIONS[(number // 10) % len(CONFIGURATIONS)]
            base = open(f"{FOLDER}/base.toml").read()
            with open(f"{FOLDER}/next.toml", "w") as file:
                file.write(base + more + "\n")
            os.replace(f"{FOLDER}/next.toml", f"{FOLDER}/parshall.toml")
            os.kill(PROBE, signal.SIGHUP)
            self.refused += more == CONFIGURATIONS[-1]
            self.good += more != CONFIGURATIONS[-1]
        if number % 10 == 5:
            # The file moves away under its sink, and the next SIGHUP makes it again: what logrotate does.
            self.remove(f"{FOLDER}/flows.jsonl")
        if number % 20 == 15:
            # The disk that was full has room again.
            if os.path.exists(f"{FOLDER}/small/flows.jsonl"):
                os.truncate(f"{FOLDER}/small/flows.jsonl", 0)
        if number % 20 == 3:
            self.reader = subprocess.Popen(["cat", f"{FOLDER}/fifo"], stdout=subprocess.DEVNULL)
        if number % 20 == 13:
            self.leave()

    def leave(self):
        if self.reader:
            self.reader.kill()
            self.reader.wait()
            self.reader = None

    @staticmethod
    def remove(path):
        if os.path.exists(path):
            os.remove(path)


class Judge:
    """What has to hold in every scrape, and what is summed up a minute."""

    def __init__(self, first):
        self.wrong, self.memory, self.minutes = [], [], []
        self.last, self.slowest, self.count, self.was_quiet = first, 0.0, 0, False
        self.begin(first)

    def begin(self, scrape):
        self.at, self.frames = time.monotonic(), scrape.sums["parshall_packets_total"]
        self.bursts, self.every = collections.Counter(), collections.Counter()
        self.clean, self.chunks, self.switches = 0, 0, 0

    def chunk(self, old, now, switches):
        """The bursts between two scrapes, if the kernel left the worker alone meanwhile."""
        self.chunks, self.switches = self.chunks + 1, self.switches + switches
        before = old.bursts()
        grown = {bound: count - before[bound] for bound, count in now.bursts().items()}
        self.every.update(grown)
        # A worker that waits for its processor all the time is not switched either.
        quiet = switches == 0 and max(grown.values()) > 0
        if quiet and self.was_quiet:
            self.clean += 1
            self.bursts.update(grown)
        self.was_quiet = quiet

    def scrape(self, now):
        sums, before = now.sums, self.last.sums
        if sums["parshall_packets_total"] != sums["parshall_port_rx_packets_total"]:
            self.wrong.append(f"{sums['parshall_packets_total']} frames have outcomes, {sums['parshall_port_rx_packets_total']} came")
        for name in ("parshall_packets_total", "parshall_flows_ended_total", "parshall_sink_records_total"):
            if sums[name] < before[name]:
                self.wrong.append(f"{name} went back")
        self.memory.append(resident())
        self.slowest, self.count, self.last = max(self.slowest, now.took), self.count + 1, now

    def minute(self):
        rate = (self.last.sums["parshall_packets_total"] - self.frames) / (time.monotonic() - self.at)
        judged = self.clean >= ENOUGH
        counted = self.bursts if judged else without_longest(self.every, self.switches)
        shares = [percentile(counted, share) for share in (0.5, 0.99, 0.999)]
        over = f"over {self.clean} of {self.chunks} chunks" if judged else "of all but one a switch"
        print(f"minute {len(self.minutes) + 1:2}: {rate:10,.0f} packets/s; burst p50 {shares[0]:.1f} us, p99 {shares[1]:.1f} us, p99.9 {shares[2]:.1f} us {over} ({self.switches} switches); {self.memory[-1]:,} kB resident", flush=True)
        self.minutes.append((rate, shares, judged))
        self.begin(self.last)

    def sinks(self):
        """Every record that was made was written by each sink, or counted as dropped, or still waits."""
        made = self.last.sums["parshall_flows_ended_total"] - self.last.labelled("parshall_records_dropped_total", "stage")["ring"]
        written, dropped = (self.last.labelled(f"parshall_sink_{what}_total", "sink") for what in ("records", "dropped_records"))
        for sink, count in written.items():
            missing = made - count - dropped[sink]
            print(f"soak: sink {os.path.basename(sink.split(':', 1)[1])}: {count:,.0f} written, {dropped[sink]:,.0f} dropped and counted, {missing:,.0f} waiting")
            if not -APART <= missing <= WAITING + APART:
                self.wrong.append(f"sink {sink} does not know of {missing:,.0f} records")

    def end(self, disturbance):
        self.sinks()
        reloads = self.last.labelled("parshall_config_reloads_total", "result")
        if abs(reloads["good"] - disturbance.good) > 1 or abs(reloads["refused"] - disturbance.refused) > 1:
            self.wrong.append(f"{reloads} reloads instead of {disturbance.good} good and {disturbance.refused} refused ones")
        quarter = max(len(self.memory) // 4, 1)
        warm, late = max(self.memory[quarter : 2 * quarter] or self.memory), max(self.memory[-quarter:])
        print(f"soak: {self.count} scrapes, the slowest {self.slowest * 1e3:.0f} ms; {reloads['good']:.0f} reloads taken, {reloads['refused']:.0f} refused; "
              f"resident {warm:,} kB warm, {late:,} kB at the end")
        if len(self.minutes) < WARM:
            print("soak: too short to judge memory: 15 minutes of history fill first")
        elif late > warm * 1.02 + 4096:
            self.wrong.append(f"memory grew from {warm} kB to {late} kB")
        # Minutes of the same kind are compared.
        alike = [minute for minute in self.minutes if minute[2] == self.minutes[0][2]]
        first, last = alike[0][1][2], alike[-1][1][2]
        if last > first * 2:
            self.wrong.append(f"p99.9 of burst times went from {first:.1f} us to {last:.1f} us")


def main():
    minutes, where = int(sys.argv[1]), address()
    # Away from the worker's processor.
    os.sched_setaffinity(0, {0})
    status = worker()
    disturbance, judge = Disturbance(), Judge(Scrape(where))
    begun, old, since = time.monotonic(), None, 0
    for number in range(1, minutes * 600 + 1):
        time.sleep(max(begun + number * 0.1 - time.monotonic(), 0))
        if number % 10 == 0:
            disturbance.second(number // 10)
        # What a scrape shows was published 20 ms before at the most, so after this reading: no switch between it and the
        # next scrape means none in the bursts between the two.
        before = switched(status)
        time.sleep(0.025)
        now = Scrape(where)
        if old:
            judge.chunk(old, now, switched(status) - since)
        old, since = now, before
        if number % 10 == 0:
            judge.scrape(now)
        if number % 600 == 0:
            judge.minute()
    disturbance.leave()
    judge.end(disturbance)
    for sentence in judge.wrong[:20]:
        print(f"soak: {sentence}", file=sys.stderr)
    sys.exit(bool(judge.wrong))


main()
