//! A UDP socket as a listener needs it: many datagrams a call, with sender, receiver, time and what the kernel dropped.
//!
//! **Owns** the socket and its options. **May touch** the operating system. **Order** bound by `live` before anything starts;
//! read by `receiver`. Linux: udp(7), `SO_RXQ_OVFL`, `SO_TIMESTAMPNS`, `IP_PKTINFO`, recvmmsg(2).

use super::envelope::ROOM;
use super::road::{BATCH, PLACE};
use crate::time::Nanos;
use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc::{in_pktinfo, in6_pktinfo};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockFlag, SockType, SockaddrIn, SockaddrIn6,
    SockaddrStorage, bind as bind_to, recvmmsg, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeSpec, TimeVal};
use std::io::IoSliceMut;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

/// What the kernel is asked to hold while the worker is behind. Unit: bytes.
const BUFFER: usize = 32 << 20;

/// How long a receiver sleeps in the kernel before it looks at the stop flag. Unit: microseconds.
const LOOK: i64 = 100_000;

/// A listener that cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--tzsp-listen {address}: {cause}; {remedy}")]
pub struct ListenError {
    address: SocketAddr,
    cause: Errno,
    remedy: &'static str,
}

/// A socket that receives.
#[derive(Debug)]
pub struct Bound {
    socket: OwnedFd,
    asked: SocketAddr,
}

/// What is known of one datagram beside its bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    /// Length as it was sent; more than there was room for when it was cut.
    pub(super) length: usize,
    pub(super) time: Nanos,
    /// Datagrams that the kernel had dropped before this one, since the socket was made, modulo 2^32.
    pub(super) dropped: Option<u32>,
}

/// Binds every address, or says of each that cannot be why.
///
/// An IPv6 address takes IPv4 in, too (`[::]`), unless an IPv4 address of the same port is asked for beside it.
///
/// # Errors
/// One for each address that cannot be listened on; none is bound then.
pub fn bind(addresses: &[SocketAddr]) -> Result<Vec<Bound>, Vec<ListenError>> {
    let (mut bound, mut wrong) = (Vec::new(), Vec::new());
    for asked in addresses {
        let beside = addresses.iter().any(|other| other.is_ipv4() && other.port() == asked.port());
        match bind_one(*asked, beside) {
            Ok(socket) => bound.push(Bound { socket, asked: *asked }),
            Err(cause) => wrong.push(ListenError { address: *asked, cause, remedy: remedy(cause) }),
        }
    }
    if wrong.is_empty() { Ok(bound) } else { Err(wrong) }
}

fn remedy(cause: Errno) -> &'static str {
    match cause {
        Errno::EADDRINUSE => "another program listens there (ss -ulpn): stop it, or give another port",
        Errno::EADDRNOTAVAIL => "give an address of this host (ip address), or 0.0.0.0 for all",
        Errno::EACCES => "ports below 1024 need CAP_NET_BIND_SERVICE: give a higher one",
        Errno::EAFNOSUPPORT => "this host has no such address family",
        _ => "give another address",
    }
}

fn bind_one(asked: SocketAddr, ipv4_is_beside: bool) -> Result<OwnedFd, Errno> {
    let family = if asked.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket = socket(family, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None)?;
    setsockopt(&socket, sockopt::RxqOvfl, &1)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::new(0, LOOK))?;
    // More than net.core.rmem_max needs CAP_NET_ADMIN; without it the kernel gives what it may.
    if setsockopt(&socket, sockopt::RcvBufForce, &BUFFER).is_err() {
        setsockopt(&socket, sockopt::RcvBuf, &BUFFER)?;
    }
    match asked {
        SocketAddr::V4(address) => {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            bind_to(socket.as_raw_fd(), &SockaddrIn::from(address))?;
        }
        SocketAddr::V6(address) => {
            setsockopt(&socket, sockopt::Ipv6V6Only, &ipv4_is_beside)?;
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            bind_to(socket.as_raw_fd(), &SockaddrIn6::from(address))?;
        }
    }
    Ok(socket)
}

impl Bound {
    /// The address that was asked for.
    pub(super) fn asked(&self) -> SocketAddr {
        self.asked
    }

    /// Receives up to [`BATCH`] datagrams, each into its place of `bytes` behind the room for headers. With `wait` it
    /// sleeps for the first one, a tenth of a second at most.
    ///
    /// # Errors
    /// What the kernel says; that nothing has come is no error.
    pub(super) fn receive(&self, bytes: &mut [u8], wait: bool, arrived: &mut Vec<Arrived>) -> Result<(), Errno> {
        arrived.clear();
        // Made anew for each call: the kernel writes into the lengths, and a shrunken one would cut what comes next.
        let space = cmsg_space!(TimeSpec, in_pktinfo, in6_pktinfo, u32);
        let mut headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, Some(space));
        let mut places: Vec<[IoSliceMut<'_>; 1]> =
            bytes.chunks_exact_mut(PLACE).map(|place| [IoSliceMut::new(&mut place[ROOM..])]).collect();
        let how = if wait { MsgFlags::MSG_WAITFORONE } else { MsgFlags::MSG_DONTWAIT };
        let fd = self.socket.as_raw_fd();
        match recvmmsg(fd, &mut headers, places.iter_mut(), how | MsgFlags::MSG_TRUNC, None) {
            Ok(messages) => arrived.extend(messages.map(|message| self.facts(&message))),
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(cause) => return Err(cause),
        }
        Ok(())
    }

    fn facts(&self, message: &RecvMsg<'_, '_, SockaddrStorage>) -> Arrived {
        let from = message.address.as_ref().and_then(address).unwrap_or(self.asked);
        let mut found = Arrived { from, to: self.asked, length: message.bytes, time: Nanos::ZERO, dropped: None };
        let Ok(notes) = message.cmsgs() else { return found };
        for note in notes {
            match note {
                ControlMessageOwned::ScmTimestampns(time) => {
                    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
                    found.time = Nanos(seconds * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0));
                }
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    let to = IpAddr::from(info.ipi_addr.s_addr.to_ne_bytes());
                    found.to = SocketAddr::new(to, self.asked.port());
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    found.to = SocketAddr::new(IpAddr::from(info.ipi6_addr.s6_addr), self.asked.port());
                }
                ControlMessageOwned::RxqOvfl(dropped) => found.dropped = Some(dropped),
                _ => {}
            }
        }
        found
    }
}

fn address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|address| SocketAddr::new(address.ip().into(), address.port()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|address| SocketAddr::new(address.ip().into(), address.port())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    /// A listener on a port that was free a moment ago.
    fn listener(ip: &str) -> (Bound, SocketAddr) {
        loop {
            let probe = UdpSocket::bind((ip, 0)).expect("a free port");
            let address = probe.local_addr().expect("an address");
            drop(probe);
            if let Ok(mut bound) = bind(&[address]) {
                return (bound.remove(0), address);
            }
        }
    }

    fn receive(bound: &Bound, count: usize) -> (Vec<u8>, Vec<Arrived>) {
        let (mut bytes, mut all) = (vec![0; BATCH * PLACE], Vec::new());
        while all.len() < count {
            let mut some = Vec::new();
            bound.receive(&mut bytes[all.len() * PLACE..], true, &mut some).expect("received");
            all.extend(some);
        }
        (bytes, all)
    }

    #[test]
    fn datagrams_come_with_sender_receiver_time_and_their_whole_length() {
        for ip in ["127.0.0.1", "::1"] {
            let (bound, address) = listener(ip);
            let sender = UdpSocket::bind((ip, 0)).expect("a socket");
            sender.send_to(b"short", address).expect("sent");
            sender.send_to(&vec![7; 20_000], address).expect("sent");
            let (bytes, arrived) = receive(&bound, 2);
            assert_eq!(arrived[0].from, sender.local_addr().expect("an address"));
            assert_eq!((arrived[0].to, arrived[0].length), (address, 5));
            assert_eq!(&bytes[ROOM..ROOM + 5], b"short");
            assert_eq!(arrived[1].length, 20_000, "longer than its place");
            assert_eq!(bytes[2 * PLACE - 1], 7);
            assert!(arrived[0].time > Nanos(1_500_000_000_000_000_000) && arrived[1].time >= arrived[0].time);
        }
    }

    #[test]
    fn a_socket_for_all_addresses_knows_which_one_was_meant_and_ipv6_takes_ipv4_in() {
        let (bound, address) = listener("::");
        let sender = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        sender.send_to(b"x", ("127.0.0.1", address.port())).expect("sent");
        let (_, arrived) = receive(&bound, 1);
        assert_eq!(arrived[0].to.ip().to_canonical(), IpAddr::from([127, 0, 0, 1]));
        assert_eq!(arrived[0].from.ip().to_canonical(), IpAddr::from([127, 0, 0, 1]));
    }

    #[test]
    fn both_families_can_have_one_port_and_each_address_that_fails_is_named() {
        let (first, taken) = listener("127.0.0.1");
        let beside: SocketAddr = ([127, 0, 0, 2], taken.port()).into();
        assert_eq!(bind(&[beside, SocketAddr::new("::1".parse().unwrap(), taken.port())]).expect("both").len(), 2);
        let wrong = bind(&[taken, "203.0.113.77:37008".parse().unwrap()]).expect_err("both are wrong");
        let shown: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        assert!(
            shown[0].contains("another program listens") && shown[1].contains("an address of this host"),
            "{shown:?}"
        );
        drop(first);
    }
}
