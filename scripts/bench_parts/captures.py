"""Captures of real traffic made into one: frames of Ethernet that fit an mbuf, file after file, as often as wanted."""
import glob
import os
import struct

# Whole frames only up to what an mbuf of the default size holds: net_pcap refuses larger ones with infinite_rx.
LARGEST = 2048
ETHERNET = 1
SECOND = 1_000_000_000
# Between two files, or two rounds: longer than any timeout, so that flows of one do not go on in the next.
PAUSE = 400 * SECOND


def frames(path):
    """The (time, wire length, bytes) of a pcap file's Ethernet frames; none of other files. Time: nanoseconds."""
    data = open(path, "rb").read()
    for order in "<>":
        magic = struct.unpack_from(order + "I", data)[0] if len(data) >= 24 else 0
        if magic in (0xA1B2C3D4, 0xA1B23C4D):
            break
    else:
        return
    if struct.unpack_from(order + "I", data, 20)[0] != ETHERNET:
        return
    unit, at = (1000 if magic == 0xA1B2C3D4 else 1), 24
    while at + 16 <= len(data):
        seconds, part, held, wire = struct.unpack_from(order + "4I", data, at)
        at += 16
        if at + held > len(data):
            return
        yield seconds * SECOND + part * unit, wire, data[at:at + held]
        at += held


def merged(folder):
    """All frames of a folder's captures, each file moved behind the one before it, and no silence longer than `PAUSE`."""
    now = 1_700_000_000 * SECOND
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.pcap"), recursive=True)):
        before = None
        for time, wire, held in frames(path):
            if len(held) > LARGEST:
                continue
            now += PAUSE if before is None else max(min(time - before, PAUSE), -SECOND)
            before = time
            yield now, wire, held


def write(path, folder, least):
    """Writes a folder's captures as one file, again and again until it has at least so many frames; how many it has."""
    once, count = list(merged(folder)), 0
    if not once:
        return 0
    length = once[-1][0] - once[0][0] + PAUSE
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, ETHERNET))
        shift = 0
        while count == 0 or count < least:
            for time, wire, held in once:
                seconds, part = divmod(time + shift, SECOND)
                out.write(struct.pack("<4I", seconds & 0xFFFFFFFF, part // 1000, len(held), wire) + held)
            count += len(once)
            shift += length
    return count


def real(options, scratch, least=0):
    """The capture of real traffic that was asked for, or is beside the repository; None where there is none."""
    if options.real and os.path.isfile(options.real):
        return options.real
    path = os.path.join(scratch, f"real-{least}.pcap")
    if os.path.exists(path) or (options.real and write(path, options.real, least)):
        return path
    return None
