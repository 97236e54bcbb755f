//! Filters of libpcap in DPDK's BPF library: the same answers, whatever the frame.

#![cfg(feature = "dpdk")]

mod dpdk_support;

use dpdk_support::child::{eal_args, in_child};
use parshall_engine::dpdk::Eal;
use parshall_engine::dpdk::bpf::Bpf;
use parshall_engine::libpcap::Program;
use parshall_engine::link::LinkType;

/// Expressions of every kind: addresses, ports, tags, bytes, lengths, arithmetic.
const EXPRESSIONS: [&str; 26] = [
    "ip",
    "ip6",
    "tcp port 443",
    "udp port 53 or udp port 5353",
    "portrange 1000-2000",
    "host 10.0.0.1",
    "src host 10.0.0.1 and src port 80",
    "net 10.0.0.0/8",
    "ip6 net 2001:db8::/32",
    "vlan",
    "vlan 5 and ip",
    "vlan 5 and vlan 6 and tcp",
    "ether broadcast",
    "ether host 02:02:02:02:02:02",
    "ether src ff:ff:ff:ff:ff:ff",
    "not (tcp or udp)",
    "icmp[icmptype] = icmp-echo",
    "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0",
    "ip[0] & 0xf > 5",
    "ip[2:2] > 576",
    "ether[0:4] = 0xffffffff",
    "ether[12:2] - 0x0700 = 0x100",
    "(ip[8] + 1) * 2 / 2 != 65",
    "greater 100",
    "less 60 and not ip6",
    "len = 1400 or len % 7 = 3",
];

/// A small generator, so that a failure can be seen again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % bound.max(1)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Ethernet with tags, IP and a transport header of likely values, cut anywhere.
    fn frame(&mut self) -> Vec<u8> {
        let mac = |byte: u8| [byte; 6];
        let mut frame = [mac(self.pick(&[2, 0xff])), mac(self.pick(&[2, 0xff]))].concat();
        for _ in 0..self.below(3) {
            frame.extend([0x81, 0, 0, self.pick(&[5, 6])]);
        }
        let (port, flags) = (self.pick(&[443_u16, 80, 53, 5353, 1500]), self.pick(&[2, 0x10, 1]));
        let mut transport = [port.to_be_bytes(), 1500_u16.to_be_bytes()].concat();
        if self.below(4) == 0 {
            transport[0] = 8;
        }
        transport.extend([0; 8]);
        transport.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
        if self.below(4) == 0 {
            let net = self.pick(&[[0x20, 1, 0x0d, 0xb8], [0xfe, 0x80, 0, 0]]);
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, self.pick(&[6, 17, 58]), 64]);
            frame.extend([net, [0; 4], [0; 4], [0, 0, 0, 1]].concat());
            frame.extend([net, [0; 4], [0; 4], [0, 0, 0, 2]].concat());
        } else {
            let long = self.pick(&[40_u16, 1500]).to_be_bytes();
            frame.extend([8, 0, self.pick(&[0x45, 0x46]), 0, long[0], long[1], 0, 0, 0, 0, self.pick(&[64, 1])]);
            frame.extend([self.pick(&[6, 17, 1]), 0, 0, 10, 0, 0, 1, self.pick(&[10, 192]), 0, 0, 2]);
        }
        frame.extend(transport);
        let captured = if self.below(3) == 0 { self.below(frame.len()) } else { frame.len() };
        frame.truncate(captured);
        frame
    }
}

#[test]
fn native_code_says_what_libpcap_says_of_any_frame() {
    in_child("native_code_says_what_libpcap_says_of_any_frame", || {
        let _eal = Eal::start(&eal_args(&["-l", "0"])).expect("EAL");
        let mut dice = Dice(7);
        let (mut matched, mut all) = (0, 0);
        for text in EXPRESSIONS {
            let program = Program::compile(text, LinkType::ETHERNET).expect(text);
            let mut bpf = Bpf::translate(&program).unwrap_or_else(|error| panic!("{text}: {error}"));
            #[cfg(target_arch = "x86_64")]
            assert!(bpf.kind().contains("native"), "{text}");
            for _ in 0..3_000 {
                let frame = dice.frame();
                let wire = frame.len() as u32 + dice.pick(&[0, 0, 1336]);
                let want = program.matches(&frame, wire);
                assert_eq!(bpf.matches(&frame, wire), want, "{text}: {frame:02x?} of {wire} bytes");
                (matched, all) = (matched + u32::from(want), all + 1);
            }
        }
        assert!(matched > all / 10 && matched < all * 9 / 10, "{matched} of {all}");
    });
}

#[test]
fn a_program_may_go_to_another_thread_and_outlive_the_expression() {
    in_child("a_program_may_go_to_another_thread_and_outlive_the_expression", || {
        let _eal = Eal::start(&eal_args(&["-l", "0"])).expect("EAL");
        let mut bpf = {
            let program = Program::compile("greater 5", LinkType::RAW).expect("an expression");
            Bpf::translate(&program).expect("a translation")
        };
        let said = std::thread::spawn(move || [bpf.matches(&[], 5), bpf.matches(&[0; 3], 4), bpf.matches(&[], 70_000)]);
        assert_eq!(said.join().expect("no panic"), [true, false, true]);
    });
}
