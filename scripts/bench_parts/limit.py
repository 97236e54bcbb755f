"""dpdk-testpmd rxonly and parshall on the same vdev and capture, in turn, so that every figure is a ratio. Root, hugepages."""
import os
import re
import shutil
import signal
import statistics
import subprocess
import time

from .machine import ENVIRONMENT, PARSHALL, load


def rates_of(command, seconds):
    """Packets per second as the program itself says them, second by second, without the first two."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    rates = [int(rate) for rate in re.findall(r"Rx-pps:\s*(\d+)", output)]
    return [rate for rate in rates[2:] if rate > 0] or [0]


def run(options, scratch):
    testpmd = shutil.which("dpdk-testpmd")
    if not testpmd or os.geteuid() != 0:
        return ["## Beside testpmd", "", "Not run: it needs dpdk-testpmd (package dpdk) and root."]
    captures = [
        ("64 B, UDP, 1 k flows", load(scratch, "udp.pcap", "--kind", "udp", "--packets", "10000", "--size", "60")),
        ("64 B, TCP, 1 k flows; every pass of the capture is a retransmission", load(scratch, "tcp.pcap", "--packets", "10000", "--size", "60")),
        ("IMIX, TCP; the same", load(scratch, "imix.pcap", "--packets", "20000", "--size", "imix")),
    ]
    if options.real:
        captures.append(("real mix", options.real))
    out = [
        "## Beside testpmd", "",
        "net_pcap with `infinite_rx=1`, one RX core, burst 32; medians of the rates both print, in turn; ratio = parshall / testpmd.", "",
        "| traffic | testpmd Mpps | parshall Mpps | ratio | rounds |", "|---|---|---|---|---|",
    ]
    rounds = 2 if options.quick else 4
    for name, capture in captures:
        theirs, ours = [], []
        for _ in range(rounds):
            vdev = f"net_pcap0,rx_pcap={capture},infinite_rx=1"
            eal = ["-l", "0,1", "--in-memory", "--no-pci", "--no-telemetry", f"--file-prefix=bench{os.getpid()}", "--vdev", vdev, "--"]
            theirs += rates_of([testpmd, *eal, "--forward-mode=rxonly", "--no-flush-rx", "--stats-period", "1", "--nb-cores=1", "--auto-start"], 6)
            ours += rates_of([PARSHALL, "run", *eal, "--stats-period", "1", "--nb-cores", "1", "--listen", "off", "--burst", "32", "--max-flows", "100000"], 6)
        a, b = statistics.median(theirs) / 1e6, statistics.median(ours) / 1e6
        out.append(f"| {name} | {a:.1f} | {b:.1f} | {b / a if a else 0:.2f} | {rounds} |")
    return out
