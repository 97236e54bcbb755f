//! Finds the system's DPDK, binds what `NAMES` lists, and compiles the shim that gives symbols to static inlines.
//!
//! The drivers are not linked: EAL loads them as shared objects from its plugin folder when it starts.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// The oldest release whose headers `shim.h` and `engine` are written for.
const OLDEST: &str = "22.11";

/// Everything that is bound: functions, types and constants by name. A name ending in `.*` is a prefix.
const NAMES: &[&str] = &[
    // shim.h
    "shim_.*",
    "SHIM_.*",
    // EAL, lcores, errors
    "rte_eal_cleanup",
    "rte_eal_remote_launch",
    "rte_eal_wait_lcore",
    "rte_get_next_lcore",
    "rte_get_main_lcore",
    "rte_lcore_to_socket_id",
    "rte_get_tsc_hz",
    "rte_strerror",
    "rte_version",
    // mbufs and their pools
    "rte_pktmbuf_pool_create",
    "rte_pktmbuf_free_bulk",
    "rte_mempool_avail_count",
    "rte_mbuf_dyn_rx_timestamp_register",
    // ports: what they are
    "rte_eth_find_next_owned_by",
    "rte_eth_dev_get_name_by_port",
    "rte_eth_dev_get_port_by_name",
    "rte_eth_dev_socket_id",
    "rte_eth_dev_info_get",
    "rte_eth_dev_adjust_nb_rx_tx_desc",
    // ports: their life
    "rte_eth_dev_configure",
    "rte_eth_rx_queue_setup",
    "rte_eth_tx_queue_setup",
    "rte_eth_dev_start",
    "rte_eth_dev_stop",
    "rte_eth_dev_close",
    "rte_eth_promiscuous_enable",
    "rte_eth_promiscuous_disable",
    "rte_eth_dev_rss_reta_update",
    // ports: how they stand
    "rte_eth_macaddr_get",
    "rte_eth_dev_get_mtu",
    "rte_eth_promiscuous_get",
    "rte_eth_allmulticast_get",
    "rte_eth_dev_fw_version_get",
    "rte_eth_dev_get_vlan_offload",
    "rte_eth_dev_rss_hash_conf_get",
    "rte_eth_dev_rss_reta_query",
    // ports: what they count
    "rte_eth_stats_get",
    "rte_eth_xstats_get",
    "rte_eth_xstats_get_names",
    // filters
    "bpf_program",
    "rte_bpf_convert",
    "rte_bpf_load",
    "rte_free",
    "rte_bpf_get_jit",
    "rte_bpf_exec",
    "rte_bpf_destroy",
    // what other processes see
    "rte_pdump_init",
    "rte_pdump_uninit",
    // devices that go away, for tests
    "rte_eal_hotplug_remove",
    "rte_eth_event_type",
    // the ring of a net_ring port, for tests and benches
    "rte_ring_lookup",
];

/// Types that stay opaque: nothing of Rust may depend on their layout, which differs from release to release.
const OPAQUE: &[&str] = &[
    "rte_bpf",
    "rte_mbuf",
    "rte_mempool",
    "rte_ring",
    "rte_device",
    "rte_eth_txmode",
    "rte_eth_switch_info",
    "rte_tel_data",
];

fn main() -> ExitCode {
    for file in ["build.rs", "shim.h", "shim.c"] {
        println!("cargo::rerun-if-changed={file}");
    }
    match build() {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            println!("cargo::error={sentence}");
            ExitCode::FAILURE
        }
    }
}

fn build() -> Result<(), String> {
    let (version, cflags) = find()?;
    println!("cargo::rustc-env=DPDK_BUILD_VERSION={version}");
    println!("cargo::metadata=version={version}");

    let mut bindings = bindgen::Builder::default().header("shim.h").clang_args(&cflags).derive_default(true);
    for name in NAMES {
        bindings = bindings.allowlist_function(name).allowlist_type(name).allowlist_var(name);
    }
    for name in OPAQUE {
        bindings = bindings.opaque_type(name);
    }
    let out = PathBuf::from(std::env::var("OUT_DIR").map_err(|e| format!("cargo gave no OUT_DIR: {e}"))?);
    bindings
        .layout_tests(false)
        .generate_comments(false)
        .generate()
        .map_err(|e| format!("binding DPDK {version} failed ({e}); install libclang-dev if libclang is missing"))?
        .write_to_file(out.join("bindings.rs"))
        .map_err(|e| format!("writing the bindings to {} failed: {e}", out.display()))?;

    let mut shim = cc::Build::new();
    for flag in &cflags {
        shim.flag(flag);
    }
    shim.file("shim.c").flag("-Wno-unused-parameter").try_compile("dpdk_shim").map_err(|e| format!("shim.c: {e}"))
}

/// The version and the compiler flags of the system's DPDK; tells cargo what to link.
fn find() -> Result<(String, Vec<String>), String> {
    let remedy = "install libdpdk-dev (apt-get install libdpdk-dev)";
    let found = pkg_config::Config::new().atleast_version(OLDEST).probe("libdpdk").map_err(|error| match error {
        pkg_config::Error::Command { .. } => {
            "pkg-config could not be run; install pkg-config and libdpdk-dev".to_owned()
        }
        _ => format!("DPDK {OLDEST} or newer was not found by pkg-config; {remedy}"),
    })?;
    // The crate gives include paths only; the inlines need the flags that DPDK itself was built with, too.
    let tool = std::env::var("PKG_CONFIG").unwrap_or_else(|_| "pkg-config".to_owned());
    let said = Command::new(tool).args(["--cflags", "libdpdk"]).output().map_err(|e| format!("pkg-config: {e}"))?;
    let flags = String::from_utf8_lossy(&said.stdout).split_whitespace().map(str::to_owned).collect();
    Ok((found.version, flags))
}
