"""dpdk-testpmd and programs of ours on the same vdev, in turn, by the packets a second that each prints."""
import os
import re
import shutil
import signal
import statistics
import subprocess
import time

from .machine import ENVIRONMENT

# Seconds of one turn; the first two do not count.
TURN = 7


def possible():
    """Whether testpmd can be run on hugepages here."""
    return shutil.which("dpdk-testpmd") is not None and os.geteuid() == 0


def eal(vdev):
    """Words for the EAL: two lcores, hugepages, nothing that another process could meet."""
    return ["-l", "0,1", "--in-memory", "--no-pci", "--no-telemetry", f"--file-prefix=bench{os.getpid()}", "--vdev", vdev, "--"]


def rates(command):
    """Packets per second as the program itself says them, second by second, without the first two."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT)
    time.sleep(TURN)
    process.send_signal(signal.SIGINT)
    try:
        output, _ = process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
    told = [float(rate) for rate in re.findall(r"Rx-pps:\s*(\d+)", output)]
    return [rate for rate in told[2:] if rate > 0]


def beside(vdev, ours, rounds, extra=()):
    """Mpps of testpmd rxonly and of `ours`, a function from the EAL's words to a command, in turn: two lists."""
    theirs = ["dpdk-testpmd", *eal(vdev), "--forward-mode=rxonly", "--no-flush-rx", "--stats-period", "1", "--nb-cores=1", "--auto-start", *extra]
    figures = ([], [])
    for _ in range(rounds):
        for command, list_of in ((theirs, figures[0]), (ours(eal(vdev)), figures[1])):
            list_of += [rate / 1e6 for rate in rates(command)]
    return figures


def alone(vdev, ours, rounds):
    """The same without testpmd, which has nothing to receive from such a device."""
    return [], [rate / 1e6 for _ in range(rounds) for rate in rates(ours(eal(vdev)))]


def row(name, figures):
    """One row: medians, their ratio, and the best of each."""
    a, b = figures
    if not a or not b:
        return f"| {name} | {'-' if not a else f'{statistics.median(a):.1f}'} | {'-' if not b else f'{statistics.median(b):.1f}'} | | | {len(a)}, {len(b)} |"
    mine, his = statistics.median(b), statistics.median(a)
    return f"| {name} | {his:.1f} | {mine:.1f} | {mine / his:.2f} | {max(b) / max(a):.2f} | {len(a)}, {len(b)} |"


HEAD = ["| traffic | testpmd Mpps | ours Mpps | ratio of medians | of the best | seconds that count |", "|---|---|---|---|---|---|"]
