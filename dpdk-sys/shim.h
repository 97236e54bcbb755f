/*
 * What bindgen reads: DPDK's headers, symbols for static inlines, and constants that are macros in C.
 *
 * Field offsets of rte_mbuf are given as constants, because the anonymous unions around the fields differ between
 * releases while the names do not. Names that a later release changes are to be chosen here by RTE_VERSION.
 */
#ifndef PARSHALL_SHIM_H
#define PARSHALL_SHIM_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <rte_config.h>
#include <rte_version.h>

#include <stddef.h>
#include <stdint.h>

#include <sys/types.h>
#include <pcap/bpf.h>

#include <rte_bpf.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_mempool.h>
#include <rte_pdump.h>
#include <rte_ring.h>
#include <rte_telemetry.h>

#if RTE_VERSION < RTE_VERSION_NUM(22, 11, 0, 0)
#error "DPDK 22.11 or newer is needed; install libdpdk-dev"
#endif

/* Where the fields of an mbuf lie. */
static const size_t SHIM_MBUF_BUF_ADDR = offsetof(struct rte_mbuf, buf_addr);
static const size_t SHIM_MBUF_DATA_OFF = offsetof(struct rte_mbuf, data_off);
static const size_t SHIM_MBUF_REFCNT = offsetof(struct rte_mbuf, refcnt);
static const size_t SHIM_MBUF_NB_SEGS = offsetof(struct rte_mbuf, nb_segs);
static const size_t SHIM_MBUF_OL_FLAGS = offsetof(struct rte_mbuf, ol_flags);
static const size_t SHIM_MBUF_PKT_LEN = offsetof(struct rte_mbuf, pkt_len);
static const size_t SHIM_MBUF_DATA_LEN = offsetof(struct rte_mbuf, data_len);
static const size_t SHIM_MBUF_POOL = offsetof(struct rte_mbuf, pool);

/* Where shim_mbuf_stand_for() puts the length on the wire: a field that means nothing in a header that no driver filled. */
static const size_t SHIM_MBUF_WIRE_LEN = offsetof(struct rte_mbuf, hash.usr);

/* ol_flags of an mbuf whose data is not its own: attached to another one, or to foreign memory. */
static const uint64_t SHIM_MBUF_FOREIGN = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;

/* Levels of rte_log. */
static const uint32_t SHIM_LOG_CRIT = RTE_LOG_CRIT;
static const uint32_t SHIM_LOG_ERR = RTE_LOG_ERR;
static const uint32_t SHIM_LOG_WARNING = RTE_LOG_WARNING;
static const uint32_t SHIM_LOG_INFO = RTE_LOG_INFO;

static const uint16_t SHIM_HEADROOM = RTE_PKTMBUF_HEADROOM;
static const uint32_t SHIM_MAX_CACHE = RTE_MEMPOOL_CACHE_MAX_SIZE;
static const uint32_t SHIM_MAX_LCORE = RTE_MAX_LCORE;
static const uint32_t SHIM_MAX_PORTS = RTE_MAX_ETHPORTS;
static const uint64_t SHIM_NO_OWNER = RTE_ETH_DEV_NO_OWNER;
static const uint16_t SHIM_NAME_MAX = RTE_ETH_NAME_MAX_LEN;
static const uint16_t SHIM_RETA_GROUP = RTE_ETH_RETA_GROUP_SIZE;

static const uint64_t SHIM_RX_SCATTER = RTE_ETH_RX_OFFLOAD_SCATTER;
static const uint64_t SHIM_RX_TIMESTAMP = RTE_ETH_RX_OFFLOAD_TIMESTAMP;

static const uint32_t SHIM_MQ_NONE = RTE_ETH_MQ_RX_NONE;
static const uint32_t SHIM_MQ_RSS = RTE_ETH_MQ_RX_RSS;

static const uint64_t SHIM_RSS_IP = RTE_ETH_RSS_IP;
static const uint64_t SHIM_RSS_TCP = RTE_ETH_RSS_TCP;
static const uint64_t SHIM_RSS_UDP = RTE_ETH_RSS_UDP;
static const uint64_t SHIM_RSS_SCTP = RTE_ETH_RSS_SCTP;
static const uint64_t SHIM_RSS_INNERMOST = RTE_ETH_RSS_LEVEL_INNERMOST;

/* rte_errno of this thread. */
int shim_errno(void);

/* rte_lcore_id() of this thread; LCORE_ID_ANY (UINT32_MAX) where it is none. */
unsigned int shim_lcore_id(void);

/*
 * rte_eal_init(), while which standard output is the file whose descriptor is left in `said` (-1 where there is none):
 * EAL prints its usage there.
 */
int shim_eal_init(int argc, char **argv, int *said);

/* Takes a piece of text that DPDK logs at a level of rte_log.h; several pieces may make a line. */
typedef void (*shim_log_take)(uint32_t level, const char *text, size_t length);

/* rte_openlog_stream() of a stream that hands on what is logged. 0, or -1. Call once. */
int shim_log_to(shim_log_take take);

/* Whether an lcore may run on a processor: rte_lcore_cpuset(). */
int shim_lcore_may_run_on(unsigned int lcore, unsigned int cpu);

/* Processors that a cpuset can name. */
static const uint32_t SHIM_MAX_CPU = CPU_SETSIZE;

/* rte_rdtsc(): ticks of the time stamp counter. */
uint64_t shim_tsc(void);

/* rte_eth_rx_burst(), whose receive callbacks (pdump) nobody takes away while they run. */
uint16_t shim_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count);

/* rte_mempool_put_bulk() of mbufs through this lcore's cache. */
void shim_put_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, unsigned int count);

/* What rte_eth_link_get_nowait() says. mbps: 0 where the speed is unknown. 0, or a negative errno. */
int shim_link(uint16_t port, uint32_t *mbps, uint32_t *up);

/* What rte_eth_link_get_nowait() says, whole. speed: Mbit/s, UINT32_MAX where unknown. 0, or a negative errno. */
int shim_link_modes(uint16_t port, uint32_t *speed, uint32_t *up, uint32_t *full, uint32_t *autoneg);

/* The arguments that a device was given behind its name; NULL where there are none. */
const char *shim_devargs(const struct rte_device *device);

/* Notes from now on when the device of a port goes away: RTE_ETH_EVENT_INTR_RMV, RTE_ETH_EVENT_DESTROY. 0, or a negative errno. */
int shim_watch_removal(uint16_t port);

/* Whether it has gone away since it was watched. */
int shim_is_removed(uint16_t port);

/* Answers the command of this number: adds to `answer` by shim_tel_count() and shim_tel_text(). */
typedef void (*shim_tel_answer)(uint32_t command, struct rte_tel_data *answer);

/* Commands of ours at the most. */
static const uint32_t SHIM_TEL_COMMANDS = 4;

/* rte_telemetry_register_cmd() of command `number`, below SHIM_TEL_COMMANDS. 0, or a negative errno. */
int shim_tel_register(uint32_t number, const char *name, const char *help, shim_tel_answer answer);

/* Adds to an answer. 0, or a negative errno: too many, or a text that is too long. */
int shim_tel_count(struct rte_tel_data *answer, const char *name, uint64_t value);
int shim_tel_text(struct rte_tel_data *answer, const char *name, const char *value);

/* rte_pktmbuf_alloc(); NULL when the pool is empty. */
struct rte_mbuf *shim_alloc(struct rte_mempool *pool);

/* rte_pktmbuf_append(); NULL when the mbuf has no room. */
char *shim_append(struct rte_mbuf *mbuf, uint16_t length);

/* Makes an mbuf header stand for a frame: one segment of `captured` bytes. The bytes are not read. */
void shim_mbuf_stand_for(struct rte_mbuf *mbuf, const void *bytes, uint16_t captured, uint32_t wire_len);

/* rte_ring_enqueue(): 0, or -ENOBUFS. */
int shim_ring_enqueue(struct rte_ring *ring, void *object);

#endif
