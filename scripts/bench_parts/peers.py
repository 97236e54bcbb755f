"""CPU seconds of parshall read and of every peer that is installed, on one capture."""
import os
import re
import resource
import shutil
import statistics
import subprocess

from .machine import ENVIRONMENT, PARSHALL, TRAFFIC


def cpu(command, directory):
    """CPU seconds of a command, user and system, all threads."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env=ENVIRONMENT)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def run(options, scratch):
    capture = options.real
    if not capture:
        capture = os.path.join(scratch, "sessions.pcap")
        subprocess.run([TRAFFIC, "--out", capture, "--sessions", "20000"], check=True, capture_output=True)
    summary = subprocess.run([PARSHALL, "read", capture], capture_output=True, text=True, check=False, env=ENVIRONMENT)
    match = re.search(r"all ([\d,]+) frames", summary.stdout + summary.stderr)
    packets = int(match.group(1).replace(",", "")) if match else 0
    programs = [
        ("parshall read, no sink", [PARSHALL, "read", "--quiet", capture]),
        ("parshall read, Tstat logs and JSON Lines", [PARSHALL, "read", "--quiet", "--sink", f"tstat:{scratch}/ours", "--sink", f"jsonl:{scratch}/ours.jsonl", capture]),
    ]
    if options.tstat:
        programs.append(("Tstat", [options.tstat, "-s", f"{scratch}/tstat", capture]))
    for name, arguments in (("softflowd", ["-r", capture, "-d", "-n", "127.0.0.1:9995"]), ("nfpcapd", ["-r", capture, "-w", scratch]), ("tcptrace", ["-n", "-l", "-r", capture]), ("tshark", ["-r", capture, "-q", "-z", "conv,tcp"])):
        if shutil.which(name):
            programs.append((name, [name, *arguments]))
    out = [
        "## Peers", "", f"CPU seconds (user and system, all threads) for one capture of {packets:,} packets, median of 3, run in turn.", "",
        "| program | CPU s | us a packet | packets per CPU second |", "|---|---|---|---|",
    ]
    spent = {name: [] for name, _ in programs}
    for _ in range(3):
        for name, command in programs:
            spent[name].append(cpu(command, scratch))
    for name, times in spent.items():
        middle = statistics.median(times)
        out.append(f"| {name} | {middle:.2f} | {middle / max(packets, 1) * 1e6:.2f} | {packets / middle if middle else 0:,.0f} |")
    return out
