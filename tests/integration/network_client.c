/*
 * Drives the network jobs for network.sh and iptables.sh: an engine with the network driver alone, a
 * loop on a thread of its own, and what a container's monitor would do with the jobs' answers.
 * Reads commands from stdin, one a line; answers each with one line, "ok", a JSON value, or
 * "error KIND TEXT".
 *
 *	job NAME [ARG] [KEY=VALUE ...]	run a job; a VALUE that reads as JSON is that
 *	attach CONTAINER NETNS [KEY=VALUE ...]
 *					allocate_interface, and make the interface in /run/netns/NETNS
 *	orphan NAME BRIDGE		a veth as a crash leaves it
 */
#include <err.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <unistd.h>

#include "engine/engine.h"
#include "engine/job.h"
#include "networkdriver/networkdriver.h"
#include "networkdriver/subnet.h"
#include "pkg/json.h"
#include "pkg/log.h"
#include "pkg/mem.h"
#include "pkg/netlink.h"

#define REPLY_MAX (1 << 20)

static void add_word(struct job *job, char *word)
{
	char *value = strchr(word, '=');

	if (!value) {
		job_add_arg(job, word);
		return;
	}
	*value++ = '\0';
	json_t *json = json_parse(value, strlen(value), NULL);
	if (json)
		env_set_json(job_env(job), word, json);
	else
		env_set(job_env(job), word, value);
}

/* Run a job; its output, for the caller to free, or NULL when it failed and was told. */
static char *run_job(struct engine *e, char *words)
{
	autobuf struct buf reply = BUF_INIT(REPLY_MAX);
	char *rest = words, *name = strsep(&rest, " ");
	struct job *job = job_new(e, name, NULL);
	struct error error;

	for (char *word; (word = strsep(&rest, " "));)
		if (*word)
			add_word(job, word);
	output_add(job_out(job), sink_buf(&reply));
	int rc = job_run(job, &error);
	job_free(job);
	if (rc == 0)
		return buf_take(&reply);
	printf("error %d %s\n", error.kind, error.text);
	return NULL;
}

static void cmd_job(struct engine *e, char *words)
{
	autofree char *reply = run_job(e, words);

	if (reply)
		printf("%s", *reply ? reply : "ok\n");
}

static int open_netns(const char *name)
{
	autofree char *path = xasprintf("/run/netns/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		err(1, "%s", path);
	return fd;
}

static void configure6(int sock, int eth0, const json_t *reply)
{
	const char *ip = json_get_str(reply, "IP6", ""),
		   *gateway = json_get_str(reply, "Gateway6", "");
	struct in6_addr own, via;

	if (inet_pton(AF_INET6, ip, &own) != 1)
		return;
	if (nl_addr_add(sock, eth0, AF_INET6, &own, (int)json_get_int(reply, "IP6PrefixLen", 0),
			NULL) < 0 ||
	    (inet_pton(AF_INET6, gateway, &via) == 1 &&
	     nl_route_set_default(sock, eth0, AF_INET6, &via) < 0))
		err(1, "configure %s", ip);
}

/* What a container's init does in its own namespace. */
static void configure(int netns, const json_t *reply)
{
	autoclose int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct subnet s = { .prefix = (int)json_get_int(reply, "IPPrefixLen", 0) };
	const char *gateway_text = json_get_str(reply, "Gateway", "");
	uint32_t gateway = 0;

	if (ipv4_parse(json_get_str(reply, "IP", ""), &s.addr) < 0 ||
	    (*gateway_text && ipv4_parse(gateway_text, &gateway) < 0))
		errx(1, "bad reply");
	uint32_t ip = htonl(s.addr), broadcast = htonl(subnet_last(s)), via = htonl(gateway);
	if (setns(netns, CLONE_NEWNET) < 0)
		err(1, "setns");
	autoclose int sock = netlink_open();
	int lo = nl_link_index(sock, "lo"), eth0 = nl_link_index(sock, "eth0");
	if (nl_link_up(sock, lo) < 0 || nl_link_up(sock, eth0) < 0 ||
	    nl_addr_add(sock, eth0, AF_INET, &ip, s.prefix, &broadcast) < 0 ||
	    (gateway && nl_route_set_default(sock, eth0, AF_INET, &via) < 0))
		err(1, "configure");
	configure6(sock, eth0, reply);
	if (setns(home, CLONE_NEWNET) < 0)
		err(1, "setns back");
}

static void cmd_attach(struct engine *e, char *words)
{
	char *rest = words, *container = strsep(&rest, " "), *name = strsep(&rest, " ");
	autofree char *line = xasprintf("allocate_interface %s %s", container, rest ? rest : "");
	autofree char *text = run_job(e, line);
	autoclose int netns = open_netns(name), sock = netlink_open();
	unsigned char mac[NL_MAC_SIZE];

	if (!text)
		return;
	autojson json_t *reply = json_parse(text, strlen(text), NULL);
	if (mac_parse(json_get_str(reply, "MacAddress", ""), mac) < 0)
		errx(1, "bad reply %s", text);
	const struct nl_veth veth = {
		.host_name = json_get_str(reply, "HostIfname", ""),
		.bridge_index = nl_link_index(sock, json_get_str(reply, "Bridge", "")),
		.mtu = (unsigned)json_get_int(reply, "Mtu", 0),
		.host_up = true,
		.host_isolated = json_get_bool(reply, "Isolated", false),
		.host_hairpin = json_get_bool(reply, "Hairpin", false),
		.peer_name = "eth0",
		.peer_mac = mac,
		.peer_netns_fd = netns,
	};
	if (nl_veth_create(sock, &veth) < 0)
		err(1, "veth %s", text);
	configure(netns, reply);
	printf("%s", text);
}

static void cmd_orphan(struct engine *e, char *words)
{
	char *rest = words, *name = strsep(&rest, " ");
	autoclose int sock = netlink_open();
	struct nl_veth veth = { .host_name = name, .bridge_index = nl_link_index(sock, rest) };

	(void)e;
	if (nl_veth_create(sock, &veth) < 0)
		err(1, "orphan %s", name);
	printf("ok\n");
}

static const struct command {
	const char *name;
	void (*run)(struct engine *e, char *words);
} commands[] = {
	{ "job", cmd_job },
	{ "attach", cmd_attach },
	{ "orphan", cmd_orphan },
};

static void run_line(struct engine *e, char *line)
{
	char *rest = line, *name = strsep(&rest, " ");

	for (size_t i = 0; rest && i < array_size(commands); i++) {
		if (strcmp(commands[i].name, name) == 0) {
			commands[i].run(e, rest);
			return;
		}
	}
	errx(1, "bad command \"%s\"", name);
}

static void *run_loop(void *base)
{
	event_base_loop(base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

/* As in the daemon, except that there it is the main thread. */
static struct event_base *start_loop(void)
{
	struct event_base *base;
	pthread_t thread;

	if (evthread_use_pthreads() < 0 || !(base = event_base_new()) ||
	    pthread_create(&thread, NULL, run_loop, base) != 0)
		errx(1, "no loop");
	pthread_detach(thread);
	return base;
}

int main(void)
{
	static struct engine *e; /* static: it holds the driver until the end */
	struct error error;
	static char line[1 << 17]; /* a thousand ports */

	log_set_level(LOG_LEVEL_WARN);
	e = engine_new();
	engine_set_logging(e, false);
	if (networkdriver_install(e, start_loop(), &error) < 0)
		errx(1, "%s", error.text);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		run_line(e, line);
		fflush(stdout);
	}
	return 0;
}
