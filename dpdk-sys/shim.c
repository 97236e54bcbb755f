/* Symbols for what DPDK has as static inlines. One call a burst at the most on the packet path. */
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

static shim_log_take log_take;

static ssize_t
log_write(void *cookie, const char *text, size_t length)
{
	(void)cookie;
	log_take((uint32_t)rte_log_cur_msg_loglevel(), text, length);
	return (ssize_t)length;
}

int
shim_log_to(shim_log_take take)
{
	cookie_io_functions_t functions = { .write = log_write };
	FILE *stream;

	log_take = take;
	stream = fopencookie(NULL, "w", functions);
	if (stream == NULL)
		return -1;
	return rte_openlog_stream(stream);
}

int
shim_eal_init(int argc, char **argv, int *said)
{
	int out, ret, error;

	fflush(stdout);
	*said = memfd_create("parshall-eal", MFD_CLOEXEC);
	out = *said < 0 ? -1 : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	if (out >= 0)
		dup2(*said, STDOUT_FILENO);
	ret = rte_eal_init(argc, argv);
	error = rte_errno;
	fflush(stdout);
	if (out >= 0) {
		dup2(out, STDOUT_FILENO);
		close(out);
	}
	rte_errno = error;
	return ret;
}

int
shim_lcore_may_run_on(unsigned int lcore, unsigned int cpu)
{
	rte_cpuset_t set = rte_lcore_cpuset(lcore);

	return cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set);
}

int
shim_errno(void)
{
	return rte_errno;
}

unsigned int
shim_lcore_id(void)
{
	return rte_lcore_id();
}

uint64_t
shim_tsc(void)
{
	return rte_rdtsc();
}

/* Polls that run callbacks now, by port and queue. */
static uint8_t calling[RTE_MAX_ETHPORTS][RTE_MAX_QUEUES_PER_PORT];

uint16_t
shim_rx_burst(uint16_t port, uint16_t queue, struct rte_mbuf **mbufs, uint16_t count)
{
	const struct rte_eth_fp_ops *ops = &rte_eth_fp_ops[port];
	uint16_t got;

	if (likely(__atomic_load_n(&ops->rxq.clbk[queue], __ATOMIC_RELAXED) == NULL))
		return ops->rx_pkt_burst(ops->rxq.data[queue], mbufs, count);
	__atomic_store_n(&calling[port][queue], 1, __ATOMIC_SEQ_CST);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	got = rte_eth_rx_burst(port, queue, mbufs, count);
	__atomic_store_n(&calling[port][queue], 0, __ATOMIC_RELEASE);
	return got;
}

/*
 * Stands before DPDK's function of this name, which librte_pdump calls when a capture ends: DPDK unlinks the callback and
 * goes on, and the process that captured takes its ring and mbufs away under a poll that still runs the callback. This one
 * waits for that poll; for no longer than a second, because a worker may be stuck.
 */
int
rte_eth_remove_rx_callback(uint16_t port, uint16_t queue, const struct rte_eth_rxtx_callback *callback)
{
	static int (*dpdk)(uint16_t, uint16_t, const struct rte_eth_rxtx_callback *);
	int ret, patience = 10000;

	if (dpdk == NULL)
		*(void **)&dpdk = dlsym(RTLD_NEXT, "rte_eth_remove_rx_callback");
	if (dpdk == NULL)
		return -ENOTSUP;
	ret = dpdk(port, queue, callback);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (port < RTE_MAX_ETHPORTS && queue < RTE_MAX_QUEUES_PER_PORT)
		while (__atomic_load_n(&calling[port][queue], __ATOMIC_ACQUIRE) != 0 && patience-- > 0)
			usleep(100);
	return ret;
}

void
shim_put_bulk(struct rte_mempool *pool, struct rte_mbuf **mbufs, unsigned int count)
{
	rte_mempool_put_bulk(pool, (void *const *)mbufs, count);
}

int
shim_link(uint16_t port, uint32_t *mbps, uint32_t *up)
{
	struct rte_eth_link link = {0};
	int ret = rte_eth_link_get_nowait(port, &link);

	*mbps = link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed;
	*up = link.link_status == RTE_ETH_LINK_UP;
	return ret;
}

struct rte_mbuf *
shim_alloc(struct rte_mempool *pool)
{
	return rte_pktmbuf_alloc(pool);
}

char *
shim_append(struct rte_mbuf *mbuf, uint16_t length)
{
	return rte_pktmbuf_append(mbuf, length);
}

int
shim_ring_enqueue(struct rte_ring *ring, void *object)
{
	return rte_ring_enqueue(ring, object);
}

void
shim_mbuf_stand_for(struct rte_mbuf *mbuf, const void *bytes, uint16_t captured, uint32_t wire_len)
{
	mbuf->buf_addr = (void *)(uintptr_t)bytes;
	mbuf->data_off = 0;
	mbuf->nb_segs = 1;
	mbuf->data_len = captured;
	mbuf->pkt_len = captured;
	mbuf->hash.usr = wire_len;
	mbuf->next = NULL;
}

const char *
shim_devargs(const struct rte_device *device)
{
	const struct rte_devargs *devargs = device == NULL ? NULL : rte_dev_devargs(device);

	return devargs == NULL ? NULL : devargs->args;
}

int
shim_link_modes(uint16_t port, uint32_t *speed, uint32_t *up, uint32_t *full, uint32_t *autoneg)
{
	struct rte_eth_link link = {0};
	int ret = rte_eth_link_get_nowait(port, &link);

	*speed = link.link_speed;
	*up = link.link_status == RTE_ETH_LINK_UP;
	*full = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	*autoneg = link.link_autoneg == RTE_ETH_LINK_AUTONEG;
	return ret;
}

static uint32_t removed[RTE_MAX_ETHPORTS];

static int
on_removal(uint16_t port, enum rte_eth_event_type event, void *arg, void *answer)
{
	(void)event;
	(void)arg;
	(void)answer;
	if (port < RTE_MAX_ETHPORTS)
		__atomic_store_n(&removed[port], 1, __ATOMIC_RELAXED);
	return 0;
}

int
shim_watch_removal(uint16_t port)
{
	int ret = rte_eth_dev_callback_register(port, RTE_ETH_EVENT_INTR_RMV, on_removal, NULL);

	if (ret == 0)
		ret = rte_eth_dev_callback_register(port, RTE_ETH_EVENT_DESTROY, on_removal, NULL);
	return ret;
}

int
shim_is_removed(uint16_t port)
{
	return port < RTE_MAX_ETHPORTS && __atomic_load_n(&removed[port], __ATOMIC_RELAXED) != 0;
}

static shim_tel_answer tel_answer[4];

/* DPDK 22.11 gives a command no argument of its own, so each has a function. */
#define TEL_COMMAND(n) \
	static int \
	tel_command_##n(const char *name, const char *parameters, struct rte_tel_data *answer) \
	{ \
		(void)name; \
		(void)parameters; \
		rte_tel_data_start_dict(answer); \
		tel_answer[n](n, answer); \
		return 0; \
	}
TEL_COMMAND(0)
TEL_COMMAND(1)
TEL_COMMAND(2)
TEL_COMMAND(3)

int
shim_tel_register(uint32_t number, const char *name, const char *help, shim_tel_answer answer)
{
	static const telemetry_cb commands[] = {
		tel_command_0, tel_command_1, tel_command_2, tel_command_3,
	};

	if (number >= RTE_DIM(commands))
		return -EINVAL;
	tel_answer[number] = answer;
	return rte_telemetry_register_cmd(name, commands[number], help);
}

int
shim_tel_count(struct rte_tel_data *answer, const char *name, uint64_t value)
{
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	return rte_tel_data_add_dict_uint(answer, name, value);
#else
	return rte_tel_data_add_dict_u64(answer, name, value);
#endif
}

int
shim_tel_text(struct rte_tel_data *answer, const char *name, const char *value)
{
	return rte_tel_data_add_dict_string(answer, name, value);
}
