//! Ethernet: addresses, 802.1Q and 802.1ad tags, padding to the shortest frame.
//!
//! **Owns** the link header of every frame. **May touch** nothing. **Order** outermost step of making a frame.

/// The shortest Ethernet frame without its FCS, IEEE 802.3. Unit: bytes.
pub(crate) const SHORTEST: usize = 60;

/// What stands before the network header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Sender's and receiver's MAC address.
    pub(crate) source: [u8; 6],
    /// Receiver.
    pub(crate) destination: [u8; 6],
    /// VLAN identifiers, outermost first; two are written as 802.1ad around 802.1Q.
    pub(crate) vlans: Vec<u16>,
}

impl Link {
    /// The link of the other direction.
    pub(crate) fn reversed(&self) -> Link {
        Link { source: self.destination, destination: self.source, vlans: self.vlans.clone() }
    }

    /// The frame around `body`, padded with zeros to the shortest length.
    pub(crate) fn frame(&self, ethertype: u16, body: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(14 + 4 * self.vlans.len() + body.len().max(SHORTEST));
        frame.extend(self.destination);
        frame.extend(self.source);
        for (index, vlan) in self.vlans.iter().enumerate() {
            let outer_of_two = index == 0 && self.vlans.len() > 1;
            frame.extend(if outer_of_two { 0x88a8_u16 } else { 0x8100 }.to_be_bytes());
            frame.extend(vlan.to_be_bytes());
        }
        frame.extend(ethertype.to_be_bytes());
        frame.extend(body);
        if frame.len() < SHORTEST {
            frame.resize(SHORTEST, 0);
        }
        frame
    }
}
