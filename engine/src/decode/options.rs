//! What is taken off a frame, resolved to bit tests and port matches.
//!
//! **Owns** the decoder's view of the plan. **May touch** the plan, once, at start.
//! **Order** made before the first packet; read by every layer of the walk.

use crate::packet::{Encap, Encaps};
use parshall_config::plan::{DecapPlan, KeyScope};

/// IANA port of GRE in UDP, RFC 8086 section 8.
const GRE_IN_UDP: u16 = 4754;
/// IANA port of MPLS in UDP, RFC 7510 section 6.
const MPLS_IN_UDP: u16 = 6635;
/// IANA port of Teredo, RFC 4380 section 2.7.
const TEREDO: u16 = 3544;
/// IANA port of L2TP, RFC 3931 section 4.1.2.1.
const L2TP: u16 = 1701;

/// A tunnel that is known by its UDP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UdpTunnel {
    Vxlan,
    VxlanGpe,
    Geneve,
    Gtpu,
    Tzsp,
    Gre,
    Mpls,
    Teredo,
    L2tpv3,
}

#[derive(Clone, Copy, Debug)]
struct PortRule {
    port: u16,
    tunnel: UdpTunnel,
}

/// A set of ports: of each member, one bit stands where its upper byte says, and where its lower byte says. Members share eight
/// bits, so that more than eight may lead it to say yes wrongly; it never says no wrongly.
#[derive(Clone, Copy, Debug)]
struct PortFilter {
    upper: [u8; 256],
    lower: [u8; 256],
}

impl PortFilter {
    const EMPTY: PortFilter = PortFilter { upper: [0; 256], lower: [0; 256] };

    /// Adds the `nth` member.
    fn add(&mut self, nth: usize, port: u16) {
        let [upper, lower] = port.to_be_bytes();
        self.upper[usize::from(upper)] |= 1 << (nth % 8);
        self.lower[usize::from(lower)] |= 1 << (nth % 8);
    }

    /// Not 0 where a port, as it stands on the wire, may be a member.
    #[inline]
    const fn of(&self, upper: u8, lower: u8) -> u8 {
        self.upper[upper as usize] & self.lower[lower as usize]
    }
}

/// What the decoder takes off, and what it puts into keys.
#[derive(Clone, Debug)]
pub struct DecodeOptions {
    enabled: Encaps,
    depth: u8,
    key: KeyScope,
    filter: PortFilter,
    rules: Vec<PortRule>,
}

impl DecodeOptions {
    /// The options of a plan. Names of encapsulations that are not known are passed over: `config` reports them.
    #[must_use]
    pub fn new(decap: &DecapPlan, key: KeyScope) -> DecodeOptions {
        let mut enabled = Encaps::NONE;
        for (kind, _) in Encap::ALL.iter().filter(|(_, name)| decap.enabled.iter().any(|asked| asked == name)) {
            enabled.add(*kind);
        }
        let mut options =
            DecodeOptions { enabled, depth: decap.depth, key, filter: PortFilter::EMPTY, rules: Vec::new() };
        options.listen(Encap::Vxlan, UdpTunnel::Vxlan, &decap.vxlan_ports);
        options.listen(Encap::Vxlan, UdpTunnel::VxlanGpe, &decap.vxlan_gpe_ports);
        options.listen(Encap::Geneve, UdpTunnel::Geneve, &decap.geneve_ports);
        options.listen(Encap::Gtpu, UdpTunnel::Gtpu, &decap.gtpu_ports);
        options.listen(Encap::Tzsp, UdpTunnel::Tzsp, &decap.tzsp_ports);
        options.listen(Encap::Gre, UdpTunnel::Gre, &[GRE_IN_UDP]);
        options.listen(Encap::Mpls, UdpTunnel::Mpls, &[MPLS_IN_UDP]);
        options.listen(Encap::Teredo, UdpTunnel::Teredo, &[TEREDO]);
        options.listen(Encap::L2tpv3, UdpTunnel::L2tpv3, &[L2TP]);
        options
    }

    fn listen(&mut self, kind: Encap, tunnel: UdpTunnel, ports: &[u16]) {
        if !self.takes(kind) {
            return;
        }
        for port in ports {
            self.filter.add(self.rules.len(), *port);
            self.rules.push(PortRule { port: *port, tunnel });
        }
    }

    /// Whether an encapsulation is taken off.
    #[inline]
    pub(super) const fn takes(&self, kind: Encap) -> bool {
        self.enabled.has(kind)
    }

    /// Whether every one of them is taken off.
    #[inline]
    pub(super) const fn takes_all(&self, encaps: Encaps) -> bool {
        encaps.0 & !self.enabled.0 == 0
    }

    /// How many encapsulations are taken off one frame at the most.
    pub(super) const fn depth(&self) -> u8 {
        self.depth
    }

    /// What is in the key beside addresses, protocol and ports.
    #[inline]
    pub(super) const fn key(&self) -> KeyScope {
        self.key
    }

    /// Whether a UDP datagram whose header begins with these bytes, its ports, can be a tunnel. False is certain, true is not.
    #[inline]
    pub(super) const fn may_be_tunnel(&self, [a, b, c, d]: [u8; 4]) -> bool {
        self.filter.of(a, b) | self.filter.of(c, d) != 0
    }

    /// The tunnel of a UDP datagram between these ports. The destination decides before the source: the source counts
    /// because some far ends answer from the tunnel's port.
    #[inline]
    pub(super) fn udp_tunnel(&self, [a, b, c, d]: [u8; 4]) -> Option<UdpTunnel> {
        self.tunnel_of(c, d).or_else(|| self.tunnel_of(a, b))
    }

    /// The tunnel of a port, as it stands on the wire.
    #[inline]
    fn tunnel_of(&self, upper: u8, lower: u8) -> Option<UdpTunnel> {
        // The lowest bit is of the first rule that it can be.
        let first = self.filter.of(upper, lower).trailing_zeros() as usize;
        let port = u16::from_be_bytes([upper, lower]);
        self.rules.get(first..)?.iter().find(|rule| rule.port == port).map(|rule| rule.tunnel)
    }
}

impl Default for DecodeOptions {
    /// The options of the default plan.
    fn default() -> DecodeOptions {
        DecodeOptions::new(&DecapPlan::default(), KeyScope::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_the_plan_is_an_encapsulation_and_every_encapsulation_has_a_name_there() {
        let mut names: Vec<&str> = Encap::ALL.iter().map(|(_, name)| *name).collect();
        let mut plan = [parshall_config::plan::DECAP_DEFAULT, parshall_config::plan::DECAP_OPTIONAL].concat();
        names.sort_unstable();
        plan.sort_unstable();
        assert_eq!(names, plan);
    }

    fn ports(source: u16, destination: u16) -> [u8; 4] {
        (u32::from(source) << 16 | u32::from(destination)).to_be_bytes()
    }

    #[test]
    fn no_port_beside_those_of_the_default_plan_is_taken_for_one() {
        let options = DecodeOptions::default();
        for port in 0..=u16::MAX {
            let rule = options.rules.iter().any(|rule| rule.port == port);
            assert_eq!(options.may_be_tunnel(ports(1_024, port)), rule, "{port}");
        }
    }

    #[test]
    fn more_ports_than_the_filter_has_bits_are_all_known() {
        let vxlan_ports: Vec<u16> = (0..40).map(|n| 1_000 + n * 257).collect();
        let options = DecodeOptions::new(
            &DecapPlan { vxlan_ports: vxlan_ports.clone(), ..DecapPlan::default() },
            KeyScope::default(),
        );
        for port in vxlan_ports {
            assert_eq!(options.udp_tunnel(ports(70, port)), Some(UdpTunnel::Vxlan), "{port}");
            assert_eq!(options.udp_tunnel(ports(port, 70)), Some(UdpTunnel::Vxlan), "{port}");
            assert_eq!(options.udp_tunnel(ports(70, port + 1)), None, "{port} + 1");
        }
    }

    #[test]
    fn a_tunnel_is_known_by_its_destination_and_then_by_its_source() {
        let options = DecodeOptions::default();
        #[rustfmt::skip]
        let cases = [
            // source, destination, tunnel
            (1_024, 4_789,  Some(UdpTunnel::Vxlan)),
            (4_789, 1_024,  Some(UdpTunnel::Vxlan)),
            (1_024, 8_472,  Some(UdpTunnel::Vxlan)),
            (1_024, 4_790,  Some(UdpTunnel::VxlanGpe)),
            (1_024, 6_081,  Some(UdpTunnel::Geneve)),
            (2_152, 1_024,  Some(UdpTunnel::Gtpu)),
            (1_024, 2_152,  Some(UdpTunnel::Gtpu)),
            (2_152, 4_789,  Some(UdpTunnel::Vxlan)),
            (1_024, 37_008, Some(UdpTunnel::Tzsp)),
            (1_024, 4_754,  Some(UdpTunnel::Gre)),
            (1_024, 6_635,  Some(UdpTunnel::Mpls)),
            (1_024, 3_544,  None),
            (1_701, 1_701,  None),
            (1_024, 4_789 + 1_024, None),
        ];
        for (source, destination, tunnel) in cases {
            assert_eq!(options.udp_tunnel(ports(source, destination)), tunnel, "{source} > {destination}");
        }
    }

    #[test]
    fn a_switched_off_tunnel_has_no_port() {
        let mut plan = DecapPlan::default();
        plan.enabled.retain(|name| name != "vxlan");
        let options = DecodeOptions::new(&plan, KeyScope::default());
        assert_eq!(options.udp_tunnel(ports(1_024, 4_789)), None);
        assert!(!options.may_be_tunnel(ports(1_024, 4_790)));
    }
}
