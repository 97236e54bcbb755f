//! tmp
#[path = "../tests/decode_support/mod.rs"]
mod support;
use parshall_engine::record::{fields::{FIELDS,Value}, tcp_fields::*};
use parshall_engine::*;
use parshall_config::plan::*;
use source::{BURST, Batch, Frame, Polled, Source};
struct S(Vec<support::Stored>, usize);
impl Source for S {
    fn poll<'s>(&'s mut self, batch: &mut Batch<'s>) -> Polled {
        let to = (self.1 + BURST).min(self.0.len());
        for f in &self.0[self.1..to] { let f: Frame<'s> = f.frame(); batch.push(f); }
        self.1 = to;
        if to == self.0.len() { Polled::Ended } else { Polled::Open }
    }
}
struct Out;
fn js(v: Value) -> Option<String> { Some(match v { Value::Absent => return None, Value::Integer(n) => n.to_string(), Value::Micros(n) => format!("{:.3}", n as f64/1000.0), Value::MicrosMean(n)=>format!("{:.3}", n/1000.0), Value::Bool(b)=>b.to_string(), Value::Word(w)=>format!("\"{w}\""), Value::FlowId(n)=>format!("\"{n:016x}\""), _=>return None }) }
impl merge::collect::Outlet for Out {
    fn record(&mut self, r: record::FlowRecord, _: time::Nanos) {
        let mut s = format!("{{\"protocol\":{},\"client_ip\":\"{}\",\"server_ip\":\"{}\",\"client_port\":{},\"server_port\":{},\"start_ns\":{},\"end_ns\":{},\"end_reason\":\"{}\"", r.key.protocol, r.client_ip(), r.server_ip(), r.key.port(r.client_is_low).unwrap_or(0), r.key.port(!r.client_is_low).unwrap_or(0), r.start.0, r.end.0, r.end_reason.name());
        for (p,d) in [("c2s",&r.c2s),("s2c",&r.s2c)] { s += &format!(",\"{p}_packets\":{},\"{p}_ip_bytes\":{},\"{p}_payload_bytes\":{}", d.packets, d.ip_bytes, d.payload_bytes); if let Some((a,b)) = d.ttl { s += &format!(",\"{p}_ttl_min\":{a},\"{p}_ttl_max\":{b}"); } if let Some((a,b)) = d.span { s += &format!(",\"{p}_first_ns\":{},\"{p}_last_ns\":{}", a.0,b.0); } }
        for f in FIELDS.iter().chain(TCP_DIRECTION_FIELDS).chain(TCP_FLOW_FIELDS) { if let Some(v) = js((f.get)(&r)) { s += &format!(",\"{}\":{}", f.name, v); } }
        println!("{s}}}");
    }
    fn advance(&mut self, _: time::Nanos) {}
}
fn main() {
    let path = std::env::args().nth(1).unwrap();
    let frames = support::read(std::path::Path::new(&path));
    let linger0 = std::env::args().nth(2).is_some();
    let mut t = Timeouts::default();
    if linger0 { t.tcp_linger = std::time::Duration::ZERO; t.udp_idle = std::time::Duration::from_secs(200); }
    let plan = EnginePlan { workers: 1.try_into().unwrap(), table: TableSize::Flows(100_000), timeouts: t, local_nets: vec![], key: KeyScope::default(), decap: DecapPlan::default(), record_ring: 4096, segment_memory: 64<<20, duplicates: if linger0 { Duplicates::Drop } else { Duplicates::Count } };
    let mut run = launch::read(S(frames,0), &plan, &stop::Stop::default(), time::Nanos(0)).unwrap();
    let mut out = Out;
    while !(run.is_finished() && run.collector.ended()) { if run.collector.turn(time::Nanos(0), &mut out) == 0 { std::thread::sleep(std::time::Duration::from_millis(1)); } }
    run.collector.finish(&mut out);
    let (_, mut m) = run.conclude(time::Nanos(0)).unwrap();
    eprintln!("{:?}", m.last(time::Nanos(0)).total.books());
}
