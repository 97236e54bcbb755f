//! Which lcore polls which queue.
//!
//! **Owns** the dealing of queues to lcores, testpmd's way, and what is worth saying about it. **May touch** nothing: plain
//! values in, plain values out. **Order** called by `live` before anything starts; `--plan` and the prompt show it.
//!
//! testpmd numbers its streams queue by queue (queue 0 of every port, then queue 1, ...) and cuts that list into blocks of
//! one length, one for each lcore; the last lcores take one more where it does not come out even, and lcores beyond the
//! number of streams get none. `Spread::Testpmd` is that. `Spread::Paired`, the default, cuts between queue numbers only, so
//! that queue i of every port meets on one lcore: with the same symmetric key on all ports both directions of a tap are
//! there. Both are the same where the lcores divide the queues, or where there is one port.

use crate::dpdk::{DpdkError, LcoreFacts, PortFacts, PortPlan};
use crate::merge::join::Parts;
use crate::statement::Statement;
use parshall_config::plan::{RssFields, Spread};

/// One queue of one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// DPDK port id.
    pub port: u16,
    /// Number of the queue in its port.
    pub queue: u16,
}

/// An lcore that polls, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// The lcore.
    pub lcore: LcoreFacts,
    /// Its queues, in the order in which they are polled.
    pub streams: Vec<Stream>,
}

/// A port and how it will be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortSetup {
    /// What the device says of itself.
    pub facts: PortFacts,
    /// What will be done with it.
    pub plan: PortPlan,
}

/// An mbuf pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolSetup {
    /// NUMA socket, -1 for any.
    pub socket: i32,
    /// Mbufs.
    pub mbufs: u32,
    /// Its memory, within some percent. Unit: MiB.
    pub mebibytes: u64,
}

/// The core plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The lcore that controls and never polls.
    pub main: LcoreFacts,
    /// The lcores that poll.
    pub posts: Vec<Post>,
    /// Lcores that were to poll (`--nb-cores`); those beyond the queues have none.
    pub asked: usize,
    /// Lcores that might poll and do not: without a queue, or more than were asked for.
    pub spare: Vec<LcoreFacts>,
    /// The lcores that software spreads to.
    pub spread_to: Vec<LcoreFacts>,
    /// The ports.
    pub ports: Vec<PortSetup>,
    /// The pools.
    pub pools: Vec<PoolSetup>,
    /// Which flows can have parts on several lcores.
    pub parts: Parts,
    /// What all of it takes of memory.
    pub memory: Statement,
    /// What is worth saying, in sentences.
    pub notes: Vec<String>,
    /// Where capture files behind net_pcap are damaged, in sentences.
    pub damage: Vec<String>,
}

impl Layout {
    /// The socket of a port, -1 for any.
    #[must_use]
    pub fn socket(&self, port: u16) -> i32 {
        self.ports.iter().find(|setup| setup.facts.id == port).map_or(-1, |setup| setup.facts.socket)
    }

    /// DPDK's numbers of the lcores that work: those that poll, then those that software spreads to.
    #[must_use]
    pub fn lcores(&self) -> Vec<u32> {
        let pollers = self.posts.iter().map(|post| &post.lcore);
        pollers.chain(&self.spread_to).map(|facts| facts.id).collect()
    }

    /// Streams of all lcores.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.posts.iter().map(|post| post.streams.len()).sum()
    }
}

/// Deals queues to `lcores` lcores: a list for each that gets any. `ports`: id and number of queues of each, in the order
/// of use.
#[must_use]
pub fn deal(ports: &[(u16, u16)], lcores: usize, spread: Spread) -> Vec<Vec<Stream>> {
    let most = ports.iter().map(|(_, queues)| *queues).max().unwrap_or(0);
    let of_queue = |queue: u16| {
        let there = ports.iter().filter(move |(_, queues)| queue < *queues);
        there.map(move |(port, _)| Stream { port: *port, queue }).collect::<Vec<_>>()
    };
    let groups: Vec<Vec<Stream>> = match spread {
        Spread::Paired => (0..most).map(of_queue).collect(),
        Spread::Testpmd => (0..most).flat_map(of_queue).map(|stream| vec![stream]).collect(),
    };
    let lcores = lcores.min(groups.len()).max(1);
    let (even, extra) = (groups.len() / lcores, groups.len() % lcores);
    let mut rest = groups.into_iter();
    (0..lcores)
        .map(|lcore| even + usize::from(lcore >= lcores - extra))
        .map(|count| rest.by_ref().take(count).flatten().collect())
        .collect()
}

/// Which flows can have parts on several of these lists.
#[must_use]
pub fn parts(hands: &[Vec<Stream>], ports: &[PortSetup], rss: RssFields) -> Parts {
    if hands.len() <= 1 {
        return Parts::Never;
    }
    let first = ports.first().and_then(|setup| setup.plan.rss.as_ref().map(|rss| (setup.plan.queues, rss)));
    let Some((queues, first)) = first.filter(|_| rss == RssFields::IpAndPorts) else { return Parts::Anywhere };
    // The same fields under the same key give one hash; the same queue comes of it where the tables are alike.
    let alike = |setup: &PortSetup| {
        let Some(other) = &setup.plan.rss else { return false };
        let whole = |entries: u16| entries.is_multiple_of(queues);
        let tables =
            other.table_entries == first.table_entries || whole(other.table_entries) && whole(first.table_entries);
        setup.plan.queues == queues && other.fields == first.fields && tables
    };
    let holder = |stream: &Stream| hands.iter().position(|hand| hand.contains(stream));
    let together = hands.iter().enumerate().all(|(at, hand)| {
        let mates =
            |stream: &Stream| ports.iter().map(|setup| Stream { port: setup.facts.id, ..*stream }).collect::<Vec<_>>();
        hand.iter().flat_map(mates).all(|mate| holder(&mate).is_none_or(|other| other == at))
    });
    if ports.iter().all(alike) && together { Parts::Fragments } else { Parts::Anywhere }
}

/// Checks `--coremask` against the lcores that there are, as testpmd does.
///
/// # Errors
/// An lcore of the mask is the main one, or not among those of `-l`.
pub fn check_mask(mask: &[u16], main: u32, workers: &[LcoreFacts]) -> Result<(), DpdkError> {
    let asked = |id: u16| format!("lcore {id} of --coremask");
    let there: Vec<String> = workers.iter().map(|facts| facts.id.to_string()).collect();
    for id in mask {
        if u32::from(*id) == main {
            let back = "it is the main lcore, which controls and never polls";
            return Err(DpdkError::usage(asked(*id), back, "leave its bit out, or name another with --main-lcore"));
        }
        if !workers.iter().any(|facts| facts.id == u32::from(*id)) {
            let back = format!("the lcores beside the main one are [{}]", there.join(", "));
            return Err(DpdkError::usage(asked(*id), back, "leave its bit out, or add it to -l"));
        }
    }
    Ok(())
}

/// Sentences about lcores without queues, lcores far from their ports, and flows that part.
#[must_use]
pub fn remarks(layout: &Layout) -> Vec<String> {
    let (mut said, asked) = (Vec::new(), layout.asked);
    let queues = layout.ports.iter().map(|setup| setup.plan.queues).max().unwrap_or(0);
    if layout.posts.len() < asked {
        let (have, ports) = (layout.posts.len(), layout.ports.len());
        let each = if ports == 1 { "the port has" } else { "each port has" };
        said.push(format!(
            "{have} of {asked} lcores (--nb-cores) have queues to poll: {each} {queues} at most; raise --rxq, or lower \
             --nb-cores"
        ));
    }
    for post in &layout.posts {
        let far = |stream: &&Stream| {
            let socket = layout.socket(stream.port);
            socket >= 0 && u32::try_from(socket).is_ok_and(|socket| socket != post.lcore.socket)
        };
        let mut ports: Vec<u16> = post.streams.iter().filter(far).map(|stream| stream.port).collect();
        ports.dedup();
        for port in ports {
            let (lcore, here, there) = (post.lcore.id, post.lcore.socket, layout.socket(port));
            said.push(format!(
                "lcore {lcore} on NUMA socket {here} polls port {port} on socket {there}, and every packet crosses over: \
                 give lcores of socket {there} with -l or --coremask"
            ));
        }
    }
    if layout.parts == Parts::Anywhere {
        said.push(
            "directions of a flow can reach different lcores (no RSS that all ports share): records wait for the longest \
             timeout and are added up"
                .to_owned(),
        );
    }
    said
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
