//! Every command of the prompt, one row each.
//!
//! **Owns** their patterns and help. **May touch** nothing. **Order** matching, completion and `help` are renderings of it. To
//! add a command: a row here, and the function that it names.

use super::grammar::{Row, Topic};
use super::{flows, forwarding, help, port_info, probe, session, show_port};

/// Every command.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row { pattern: "help", topic: Topic::Control, run: help::sections,
        help: "Names the sections of help." },
    Row { pattern: "help control|display|ports|probe|all", topic: Topic::Control, run: help::section,
        help: "Shows the commands of a section." },
    Row { pattern: "start", topic: Topic::Control, run: forwarding::start,
        help: "Starts receiving with the current configuration." },
    Row { pattern: "stop", topic: Topic::Control, run: forwarding::stop,
        help: "Stops receiving, and shows what was received since it started. Flows stay; what arrives meanwhile is lost in the device." },
    Row { pattern: "load FILE", topic: Topic::Control, run: session::load,
        help: "Runs the commands of a file." },
    Row { pattern: "quit", topic: Topic::Control, run: session::quit,
        help: "Ends the run: every live flow becomes a record." },

    Row { pattern: "show port info|stats|summary|xstats PORT|all", topic: Topic::Display, run: show_port::show,
        help: "Shows a port, or all: the device, its counters, one line, or every counter of the driver." },
    Row { pattern: "show port PORT rss-hash", topic: Topic::Display, run: port_info::rss_hash,
        help: "Shows which header fields a port's RSS hashes." },
    Row { pattern: "show port PORT rss-hash key", topic: Topic::Display, run: port_info::rss_hash_key,
        help: "Shows the fields and the key of a port's RSS." },
    Row { pattern: "show port PORT rss reta", topic: Topic::Display, run: port_info::whole_reta,
        help: "Shows the whole redirection table of a port." },
    Row { pattern: "show port PORT rss reta SIZE MASKS", topic: Topic::Display, run: port_info::reta,
        help: "Shows the entries of a redirection table of SIZE entries that the masks (0x..,0x..) choose, 64 entries each." },
    Row { pattern: "show fwd stats all", topic: Topic::Display, run: forwarding::stats,
        help: "Shows what was received since the last start, by port and queue." },
    Row { pattern: "show config fwd", topic: Topic::Display, run: forwarding::config,
        help: "Shows which lcore polls which queues." },
    Row { pattern: "show config cores", topic: Topic::Display, run: forwarding::cores,
        help: "Shows the lcores that poll." },
    Row { pattern: "show config rxtx", topic: Topic::Display, run: forwarding::rxtx,
        help: "Shows bursts, queues, descriptors and thresholds." },
    Row { pattern: "clear port stats|xstats PORT|all", topic: Topic::Display, run: show_port::clear,
        help: "Lets the prompt's counters of a port begin at zero; metrics go on." },
    Row { pattern: "clear fwd stats all", topic: Topic::Display, run: forwarding::clear,
        help: "Lets the counters of show fwd stats begin at zero." },

    Row { pattern: "port start|stop PORT|all", topic: Topic::Ports, run: show_port::start_stop,
        help: "Starts or stops a port, while receiving is stopped. A file-backed vdev begins from the beginning." },
    Row { pattern: "set promisc PORT|all on|off", topic: Topic::Ports, run: show_port::promiscuous,
        help: "Whether a port takes frames for other addresses." },
    Row { pattern: "set verbose N", topic: Topic::Ports, run: session::verbose,
        help: "1 shows flow records as they are made, at most 20 a second; 2 shows all; 0 none." },

    Row { pattern: "config reload", topic: Topic::Probe, run: session::reload,
        help: "Reads the configuration anew: timeouts, filters, sinks change at once, what needs a restart is named." },
    Row { pattern: "filter set EXPR", topic: Topic::Probe, run: probe::filter_set,
        help: "From now on only frames that match count, in the pcap-filter language; flows that no longer match fall idle." },
    Row { pattern: "filter off", topic: Topic::Probe, run: probe::filter_off,
        help: "From now on all frames count." },
    Row { pattern: "show filter", topic: Topic::Probe, run: probe::filter,
        help: "Shows what is let in." },
    Row { pattern: "show books", topic: Topic::Probe, run: probe::books,
        help: "Shows the books: every frame in one outcome, every packet in a record or a live flow." },
    Row { pattern: "show flows top N", topic: Topic::Probe, run: flows::top,
        help: "Shows the N largest live flows, by bytes." },
    Row { pattern: "show flows top N by bytes|packets|retx|rtt", topic: Topic::Probe, run: flows::top,
        help: "Shows the first N live flows by bytes, packets, retransmitted packets or round-trip time." },
    Row { pattern: "show tcp", topic: Topic::Probe, run: probe::tcp,
        help: "Shows TCP over all records made so far: retransmissions, disorder, round-trip times." },
    Row { pattern: "show mempool", topic: Topic::Probe, run: probe::mempool,
        help: "Shows the mbuf pools." },
    Row { pattern: "show sinks", topic: Topic::Probe, run: probe::sinks,
        help: "Shows where records go, how many went, and how many were lost." },
];
