/*
 * Drives the network jobs for network.sh: an engine with the network driver alone, and what a
 * container's monitor would do with their answers. Reads commands from stdin, one a line; answers
 * each with one line, "ok", a JSON value, or "error KIND TEXT".
 *
 *	job NAME [ARG] [KEY=VALUE ...]	run a job; a VALUE that reads as JSON is that
 *	attach CONTAINER NETNS		allocate_interface, and make the interface in /run/netns/NETNS
 *	orphan NAME BRIDGE		a veth as a crash leaves it
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
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

/* What a container's init does in its own namespace. */
static void configure(int netns, const json_t *reply)
{
	autoclose int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct subnet s = { .prefix = (int)json_get_int(reply, "IPPrefixLen", 0) };
	uint32_t gateway;

	if (ipv4_parse(json_get_str(reply, "IP", ""), &s.addr) < 0 ||
	    ipv4_parse(json_get_str(reply, "Gateway", ""), &gateway) < 0)
		errx(1, "bad reply");
	uint32_t ip = htonl(s.addr), broadcast = htonl(subnet_last(s)), via = htonl(gateway);
	if (setns(netns, CLONE_NEWNET) < 0)
		err(1, "setns");
	autoclose int sock = netlink_open();
	int lo = nl_link_index(sock, "lo"), eth0 = nl_link_index(sock, "eth0");
	if (nl_link_up(sock, lo) < 0 || nl_link_up(sock, eth0) < 0 ||
	    nl_addr_add(sock, eth0, AF_INET, &ip, s.prefix, &broadcast) < 0 ||
	    nl_route_set_default(sock, eth0, AF_INET, &via) < 0)
		err(1, "configure");
	if (setns(home, CLONE_NEWNET) < 0)
		err(1, "setns back");
}

static void cmd_attach(struct engine *e, char *words)
{
	char *rest = words, *container = strsep(&rest, " ");
	autofree char *line = xasprintf("allocate_interface %s", container);
	autofree char *text = run_job(e, line);
	autoclose int netns = open_netns(rest), sock = netlink_open();
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

int main(void)
{
	static struct engine *e; /* static: it holds the driver until the end */
	struct error error;
	char line[4096];

	log_set_level(LOG_LEVEL_WARN);
	e = engine_new();
	engine_set_logging(e, false);
	if (networkdriver_install(e, NULL, &error) < 0)
		errx(1, "%s", error.text);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		run_line(e, line);
		fflush(stdout);
	}
	return 0;
}
