"""The clock of scripts/soak: disturbs the probe, scrapes it, and judges what it saw.

Burst gaps: the mean time between two polls in the first and in the last minute, from the probe's own counters, beside how
often the kernel took the processor away from the worker meanwhile.
"""

import collections
import os
import re
import signal
import sys
import time
import urllib.request

PROBE, FOLDER = int(os.environ["PARSHALL_PROBE"]), os.environ["PARSHALL_SOAK"]


def address():
    for _ in range(600):
        found = re.search(r"http://([0-9.:]+)/", open(f"{FOLDER}/err").read())
        if found:
            return found.group(1)
        time.sleep(0.1)
    sys.exit("soak: the probe did not start:\n" + open(f"{FOLDER}/err").read())


def scrape(where):
    began = time.monotonic()
    text = urllib.request.urlopen(f"http://{where}/metrics", timeout=10).read().decode()
    # Ports and workers have their series from their first frame on.
    sums = collections.defaultdict(float)
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, value = re.split(r"[{ ]", line, maxsplit=1)[0], line.rsplit(" ", 1)[1]
            sums[name] += float(value)
    return sums, time.monotonic() - began


def resident():
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{PROBE}/status").read()).group(1))


def switched():
    """Involuntary context switches of the workers."""
    count = 0
    for task in os.listdir(f"/proc/{PROBE}/task"):
        try:
            status = open(f"/proc/{PROBE}/task/{task}/status").read()
        except OSError:
            continue  # a thread that has ended
        if re.search(r"Name:\s+(rte|lcore)-worker", status):
            count += int(re.search(r"nonvoluntary_ctxt_switches:\s+(\d+)", status).group(1))
    return count


def main():
    end = float(sys.argv[1]) * 60
    where, wrong, minutes, memory, scrapes, slowest = address(), [], [], [], 0, 0.0
    begun = mark = time.monotonic()
    before, _ = scrape(where)
    last, turns = before, switched()
    sink = f"{FOLDER}/flows.jsonl"
    while time.monotonic() - begun < end:
        time.sleep(1)
        now, took = scrape(where)
        scrapes, slowest = scrapes + 1, max(slowest, took)
        if now["parshall_packets_total"] != now["parshall_port_rx_packets_total"]:
            wrong.append(f"{now['parshall_packets_total']} frames have outcomes, {now['parshall_port_rx_packets_total']} came")
        if now["parshall_packets_total"] < last["parshall_packets_total"]:
            wrong.append("a counter went back")
        last = now
        memory.append(resident())
        if scrapes % 10 == 0:
            os.kill(PROBE, signal.SIGHUP)
        if scrapes % 5 == 0:
            # The file moves away under the sink, and the next SIGHUP makes it again: what logrotate does.
            if os.path.exists(sink):
                os.remove(sink)
        if time.monotonic() - mark >= min(60, end / 2):
            span, count = time.monotonic() - mark, switched()
            rate = (now["parshall_packets_total"] - before["parshall_packets_total"]) / span
            polls = (now["parshall_worker_polls_total"] - before["parshall_worker_polls_total"]) / span
            minutes.append((rate, 1e6 / max(polls, 1), count - turns))
            before, turns, mark = now, count, time.monotonic()
    quarter = max(len(memory) // 4, 1)
    warm, late = max(memory[quarter : 2 * quarter] or memory), max(memory[-quarter:])
    for rate, gap, count in (minutes[0], minutes[-1]):
        print(f"soak: {rate:,.0f} packets/s; {gap:.2f} us between two bursts on average; {count} involuntary switches")
    print(f"soak: {scrapes} scrapes, the slowest {slowest * 1e3:.0f} ms; resident {warm:,} kB warm, {late:,} kB at the end")
    print(f"soak: {last['parshall_sink_dropped_records_total']:,.0f} records dropped at sinks made to fail, "
          f"{last['parshall_sink_records_total']:,.0f} written")
    if late > warm * 1.02 + 4096:
        wrong.append(f"memory grew from {warm} kB to {late} kB")
    for sentence in wrong[:20]:
        print(f"soak: {sentence}", file=sys.stderr)
    sys.exit(bool(wrong))


main()
