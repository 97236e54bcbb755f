//! `--filter` on frames as they were received: a program for each link type.
//!
//! **Owns** the programs of one worker. **May touch** the frame's bytes through them. **Order** compiled on the control side,
//! asked by `sieve` once a frame before `decode`.
//!
//! In `run` a program is native code of DPDK's BPF library where that can translate it, else (and in `read`) libpcap's
//! interpreter runs it. Frames of a link type that the expression means nothing to match nothing.

use crate::libpcap::Program;
use crate::link::LinkType;
use crate::source::Frame;

/// What runs programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// libpcap's interpreter.
    Libpcap,
    /// DPDK's BPF library; needs a running EAL when compiling.
    #[cfg(feature = "dpdk")]
    Dpdk,
}

#[derive(Debug)]
enum Form {
    Interpreted(Program),
    #[cfg(feature = "dpdk")]
    Translated(crate::dpdk::bpf::Bpf),
}

impl Form {
    #[inline]
    fn matches(&mut self, frame: &Frame<'_>) -> bool {
        match self {
            Form::Interpreted(program) => program.matches(frame.bytes, frame.wire_len),
            #[cfg(feature = "dpdk")]
            Form::Translated(bpf) => bpf.matches(frame.bytes, frame.wire_len),
        }
    }
}

/// A compiled `--filter`.
#[derive(Debug)]
pub struct FrameFilter {
    /// Ascending by link type.
    programs: Vec<(LinkType, Form)>,
    /// Where the last frame's program stands.
    last: usize,
    notes: Vec<String>,
}

/// An expression that cannot be compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("--filter {text:?} cannot be compiled for {link}: libpcap says: {why}; see the manual page pcap-filter(7)")]
pub struct FilterError {
    /// The expression.
    pub text: String,
    /// For which frames.
    pub link: LinkType,
    /// libpcap's words.
    pub why: String,
}

impl FrameFilter {
    /// Compiles an expression for frames of `links`.
    ///
    /// # Errors
    /// The first link type that it cannot be compiled for.
    pub fn new(text: &str, links: &[LinkType], engine: Engine) -> Result<FrameFilter, FilterError> {
        let mut filter = FrameFilter { programs: Vec::new(), last: 0, notes: Vec::new() };
        for link in links {
            let wrong = |why| FilterError { text: text.to_owned(), link: *link, why };
            filter.add(*link, Program::compile(text, *link).map_err(wrong)?, engine);
        }
        Ok(filter)
    }

    /// Compiles an expression for every link type that has a name here and that it means something to.
    ///
    /// # Errors
    /// No link type knows it; said of Ethernet.
    pub fn for_any_link(text: &str, engine: Engine) -> Result<FrameFilter, FilterError> {
        let mut filter = FrameFilter { programs: Vec::new(), last: 0, notes: Vec::new() };
        for link in (0..512).map(LinkType).filter(|link| link.name().is_some()) {
            if let Ok(program) = Program::compile(text, link) {
                filter.add(link, program, engine);
            }
        }
        if filter.programs.is_empty() {
            return FrameFilter::new(text, &[LinkType::ETHERNET], engine);
        }
        Ok(filter)
    }

    fn add(&mut self, link: LinkType, program: Program, engine: Engine) {
        if let Err(place) = self.programs.binary_search_by_key(&link, |(link, _)| *link) {
            let form = match engine {
                Engine::Libpcap => Form::Interpreted(program),
                #[cfg(feature = "dpdk")]
                Engine::Dpdk => match crate::dpdk::bpf::Bpf::translate(&program) {
                    Ok(bpf) => {
                        self.notes.push(format!("--filter on {link}: {}", bpf.kind()));
                        Form::Translated(bpf)
                    }
                    Err(error) => {
                        self.notes.push(format!("--filter on {link} is run by libpcap: {error}"));
                        Form::Interpreted(program)
                    }
                },
            };
            self.programs.insert(place, (link, form));
        }
    }

    /// How the programs are run, in sentences.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether a frame matches.
    #[inline]
    pub fn matches(&mut self, frame: &Frame<'_>) -> bool {
        if self.programs.get(self.last).is_none_or(|(link, _)| *link != frame.link) && !self.turn_to(frame.link) {
            return false;
        }
        self.programs.get_mut(self.last).is_some_and(|(_, form)| form.matches(frame))
    }

    #[cold]
    fn turn_to(&mut self, link: LinkType) -> bool {
        let found = self.programs.binary_search_by_key(&link, |(link, _)| *link);
        if let Ok(place) = found {
            self.last = place;
        }
        found.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Input;
    use crate::time::Nanos;

    #[test]
    fn each_frame_is_asked_by_the_program_of_its_link_and_links_without_one_match_nothing() {
        let mut ethernet = vec![0; 34];
        (ethernet[12], ethernet[14], ethernet[23]) = (8, 0x45, 17);
        let frame = |bytes, link| Frame { bytes, time: Nanos(0), wire_len: 34, link, input: Input::default() };
        let mut filter = FrameFilter::for_any_link("udp", Engine::Libpcap).expect("an expression");
        for _ in 0..2 {
            assert!(filter.matches(&frame(&ethernet, LinkType::ETHERNET)));
            assert!(filter.matches(&frame(&ethernet[14..], LinkType::RAW)));
            assert!(!filter.matches(&frame(&ethernet, LinkType::RAW)));
            assert!(!filter.matches(&frame(&ethernet, LinkType(500))));
        }
        let mut tagged = FrameFilter::for_any_link("vlan", Engine::Libpcap).expect("some links know tags");
        assert!(!tagged.matches(&frame(&ethernet[14..], LinkType::RAW)));
    }

    #[test]
    fn a_wrong_expression_names_itself_and_the_link() {
        let error =
            FrameFilter::new("vlan 5", &[LinkType::ETHERNET, LinkType::RAW], Engine::Libpcap).expect_err("no tags");
        assert_eq!(error.link, LinkType::RAW);
        let error = FrameFilter::for_any_link("tcp prot 5", Engine::Libpcap).expect_err("no word");
        assert!(error.to_string().contains("syntax error"), "{error}");
    }
}
