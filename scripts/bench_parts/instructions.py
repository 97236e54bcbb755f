"""Instructions a packet, room by room: figures that hold on noisy machines, beside those that were recorded last."""
import os
import shutil

from . import callgrind
from .machine import BENCH, ROOT

RECORDED = os.path.join(ROOT, "benches", "instructions.tsv")
KINDS = ["exchange", "bulk", "acks", "lossy", "udp", "new-flows"]


def room(file):
    """The module of the engine that a file belongs to."""
    if not file.startswith("engine/src/"):
        return "libc and the rest"
    parts = file[len("engine/src/"):].removesuffix(".rs").removesuffix("/mod").split("/")
    return "/".join(parts[:2]) if parts[0] in ("track", "shard") else parts[0]


def measure(kind, scratch):
    """Instructions a packet by room."""
    printed, counts = callgrind.counted([BENCH, "count", "--kind", kind], "*bench::count::counted*", scratch)
    places = callgrind.places(os.path.realpath(BENCH), counts)
    packets = int(printed)
    rooms = {}
    for (file, _, _), cost in places.items():
        rooms[room(file)] = rooms.get(room(file), 0) + cost / packets
    return rooms


def recorded():
    """What was recorded last, by kind and room."""
    if not os.path.exists(RECORDED):
        return {}
    lines = open(RECORDED, encoding="utf-8").read().splitlines()[1:]
    return {(kind, name): float(value) for kind, name, value in (line.split("\t") for line in lines)}


def cell(now, before):
    if now is None or now < 0.05:
        return "" if before is None else f"0 ({-before:+.1f})"
    changed = before is not None and abs(now - before) >= 0.1
    return f"{now:.1f} ({now - before:+.1f})" if changed else f"{now:.1f}"


def run(options, scratch):
    if not shutil.which("valgrind") or not shutil.which("addr2line"):
        return ["## Instructions", "", "Not counted: it needs valgrind and addr2line."]
    before = recorded()
    now = {kind: measure(kind, scratch) for kind in KINDS}
    for rooms in now.values():
        rooms["all"] = sum(rooms.values())
    names = sorted({name for rooms in now.values() for name in rooms}, key=lambda name: -now["exchange"].get(name, 0))
    if options.record:
        lines = ["kind\troom\tinstructions"] + [f"{kind}\t{name}\t{now[kind][name]:.1f}" for kind in KINDS for name in sorted(now[kind]) if now[kind][name] >= 0.05]
        with open(RECORDED, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
    out = [
        "## Instructions", "",
        "Instructions a packet in each room of the worker, counted by callgrind over 65,536 packets of 1,000 flows; what is inlined counts where it is written. In brackets the",
        f"change since benches/instructions.tsv was recorded{' (just now)' if options.record else ''}. Counts do not depend on what else the machine does; they say nothing about memory.", "",
        f"| room | {' | '.join(KINDS)} |", "|---|" + "---|" * len(KINDS),
    ]
    for name in names:
        out.append(f"| {name} | {' | '.join(cell(now[kind].get(name), before.get((kind, name))) for kind in KINDS)} |")
    return out
