//! Which addresses are local: `--local-nets`.
//!
//! **Owns** the list of networks as masks. **May touch** nothing. **Order** asked when a record is made.

use ipnet::IpNet;

/// The local networks; none means that everything is local, as with Tstat.
#[derive(Clone, Debug, Default)]
pub struct Locality {
    /// IP version, network, mask.
    nets: Vec<(u8, u128, u128)>,
}

impl Locality {
    /// From the plan's networks.
    #[must_use]
    pub fn new(nets: &[IpNet]) -> Locality {
        let entry = |net: &IpNet| match net {
            IpNet::V4(net) => (4, u128::from(u32::from(net.network())), u128::from(u32::from(net.netmask()))),
            IpNet::V6(net) => (6, u128::from(net.network()), u128::from(net.netmask())),
        };
        Locality { nets: nets.iter().map(entry).collect() }
    }

    /// Whether an address of a key is local.
    #[must_use]
    pub fn is_local(&self, version: u8, address: u128) -> bool {
        self.nets.is_empty() || self.nets.iter().any(|(of, net, mask)| *of == version && address & mask == *net)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_networks_everything_is_local() {
        assert!(Locality::default().is_local(4, 7) && Locality::default().is_local(6, 7));
    }

    #[test]
    fn an_address_is_local_inside_a_network_of_its_own_version() {
        let nets: Vec<IpNet> = ["10.0.0.0/8", "2001:db8::/32"].iter().map(|net| net.parse().unwrap()).collect();
        let locality = Locality::new(&nets);
        assert!(locality.is_local(4, 0x0a01_0203));
        assert!(!locality.is_local(4, 0x0b01_0203));
        assert!(!locality.is_local(6, 0x0a01_0203));
        assert!(locality.is_local(6, 0x2001_0db8 << 96 | 5));
    }
}
