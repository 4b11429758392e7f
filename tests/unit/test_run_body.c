/* From the command line of `run` to the body of the create request, and what is refused on the way. */
#include "api/client/run_opts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "pkg/json.h"
#include "pkg/mem.h"

/* The body of a line of words, or NULL with err. */
static json_t *body_of(const char *line, struct error *err)
{
	autostrlist struct strlist words = STRLIST_INIT, rest = STRLIST_INIT;
	struct run_opts o = run_defaults;
	json_t *body = NULL;

	strlist_split(&words, line, ' ');
	if (mflag_parse(run_flags, &o, words.v, 0, &rest, NULL, err) == 0)
		body = run_body(&o, &rest, err);
	mflag_done(run_flags, &o);
	return body;
}

/* The member at a path such as "HostConfig.Binds", as compact JSON; "-" when it is not there. */
static char *member(const json_t *body, const char *path)
{
	autostrlist struct strlist names = STRLIST_INIT;

	strlist_split(&names, path, '.');
	for (size_t i = 0; i < names.n; i++)
		body = json_object_get(body, names.v[i]);
	return body ? json_text(body) : xstrdup("-");
}

static const struct {
	const char *line, *path, *want;
} rows[] = {
	{ "img", "Image", "\"img\"" },
	{ "img", "Cmd", "-" },
	{ "img a -b --c", "Cmd", "[\"a\",\"-b\",\"--c\"]" },
	{ "img", "AttachStdin", "false" },
	{ "img", "AttachStdout", "true" },
	{ "-i img", "StdinOnce", "true" },
	{ "-d -i img", "StdinOnce", "false" },
	{ "-a stderr img", "AttachStdout", "false" },
	{ "-it img", "Tty", "true" },
	{ "-e A=1 -e B=2 -e A=3 img", "Env", "[\"A=3\",\"B=2\"]" },
	{ "-e NOT_SET_ANYWHERE img", "Env", "-" },
	{ "-l a=b -l c img", "Labels", "{\"a\":\"b\",\"c\":\"\"}" },
	{ "--entrypoint= img", "Entrypoint", "[\"\"]" },
	{ "--stop-timeout 0 img", "StopTimeout", "0" },
	{ "--networking=false img", "NetworkDisabled", "true" },
	{ "--expose 80-82/udp img", "ExposedPorts", "{\"80/udp\":{},\"81/udp\":{},\"82/udp\":{}}" },
	{ "-p 80 img", "HostConfig.PortBindings",
	  "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"\"}]}" },
	{ "-p 127.0.0.1:8080:80 img", "HostConfig.PortBindings",
	  "{\"80/tcp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"}]}" },
	{ "-p [::1]::80/udp img", "HostConfig.PortBindings",
	  "{\"80/udp\":[{\"HostIp\":\"::1\",\"HostPort\":\"\"}]}" },
	{ "-p 81-82:91-92 img", "HostConfig.PortBindings",
	  "{\"91/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"81\"}],"
	  "\"92/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"82\"}]}" },
	{ "-p 8000-9000:80 img", "HostConfig.PortBindings",
	  "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8000-9000\"}]}" },
	{ "-v /a:/b:ro -v vol:/c img", "HostConfig.Binds", "[\"/a:/b:ro\",\"vol:/c\"]" },
	{ "-v /data img", "Volumes", "{\"/data\":{}}" },
	{ "--tmpfs /t:size=1m --tmpfs /u img", "HostConfig.Tmpfs",
	  "{\"/t\":\"size=1m\",\"/u\":\"\"}" },
	{ "--mount type=bind,src=/a,dst=/b,ro,bind-propagation=rslave img", "HostConfig.Mounts",
	  "[{\"Type\":\"bind\",\"Source\":\"/a\",\"Target\":\"/b\",\"ReadOnly\":true,"
	  "\"BindOptions\":{\"Propagation\":\"rslave\"}}]" },
	{ "--mount type=volume,\"src=a,b\",target=/x,volume-opt=k=v img", "HostConfig.Mounts",
	  "[{\"Type\":\"volume\",\"Source\":\"a,b\",\"Target\":\"/x\","
	  "\"VolumeOptions\":{\"DriverConfig\":{\"Options\":{\"k\":\"v\"}}}}]" },
	{ "--device /dev/null:/dev/x:r img", "HostConfig.Devices",
	  "[{\"PathOnHost\":\"/dev/null\",\"PathInContainer\":\"/dev/"
	  "x\",\"CgroupPermissions\":\"r\"}]" },
	{ "--ulimit nofile=10:20 --ulimit core=-1 img", "HostConfig.Ulimits",
	  "[{\"Name\":\"nofile\",\"Soft\":10,\"Hard\":20},{\"Name\":\"core\",\"Soft\":-1,\"Hard\":-"
	  "1}]" },
	{ "-m 64m --memory-swap -1 img", "HostConfig.MemorySwap", "-1" },
	{ "--cpus 1.5 img", "HostConfig.NanoCpus", "1500000000" },
	{ "--cpuset 0,1 img", "HostConfig.CpusetCpus", "\"0,1\"" },
	{ "--restart on-failure:3 img", "HostConfig.RestartPolicy",
	  "{\"Name\":\"on-failure\",\"MaximumRetryCount\":3}" },
	{ "img", "HostConfig.NetworkMode", "\"default\"" },
	{ "--net container:x img", "HostConfig.NetworkMode", "\"container:x\"" },
	{ "--net mine --network-alias db --ip 10.0.0.2 img", "NetworkingConfig.EndpointsConfig",
	  "{\"mine\":{\"Aliases\":[\"db\"],\"IPAMConfig\":{\"IPv4Address\":\"10.0.0.2\"}}}" },
	{ "--net mine img", "NetworkingConfig", "-" },
	{ "--network a --network b img", "NetworkingConfig.EndpointsConfig",
	  "{\"a\":{},\"b\":{}}" },
	{ "--network a --network b img", "HostConfig.NetworkMode", "\"a\"" },
	{ "--network name=My,Alias=A1,alias=a2 img", "HostConfig.NetworkMode", "\"my\"" },
	{ "--network name=my,alias=a1,alias=a2,ip=10.0.0.2,ip6=fd00::2,link-local-ip=169.254.0.1,"
	  "mac-address=02:00:00:00:00:01,driver-opt=k=v,gw-priority=-3 img",
	  "NetworkingConfig.EndpointsConfig",
	  "{\"my\":{\"Aliases\":[\"a1\",\"a2\"],\"IPAMConfig\":{\"IPv4Address\":\"10.0.0.2\","
	  "\"IPv6Address\":\"fd00::2\",\"LinkLocalIPs\":[\"169.254.0.1\"]},"
	  "\"MacAddress\":\"02:00:00:00:00:01\",\"DriverOpts\":{\"k\":\"v\"},"
	  "\"GwPriority\":-3}}" },
	{ "--network name=a,\"driver-opt=x=1,y=2\" img", "NetworkingConfig.EndpointsConfig",
	  "{\"a\":{\"DriverOpts\":{\"x\":\"1,y=2\"}}}" },
	{ "--network a --network name=b,ip=10.0.0.3 --ip 10.0.0.2 img",
	  "NetworkingConfig.EndpointsConfig",
	  "{\"a\":{\"IPAMConfig\":{\"IPv4Address\":\"10.0.0.2\"}},"
	  "\"b\":{\"IPAMConfig\":{\"IPv4Address\":\"10.0.0.3\"}}}" },
	{ "--network name= img", "HostConfig.NetworkMode", "\"name=\"" },
	{ "--net a --link x:y img", "NetworkingConfig.EndpointsConfig",
	  "{\"a\":{\"Links\":[\"x:y\"]}}" },
	{ "--link x:y img", "NetworkingConfig", "-" },
	{ "--mac-address 02:00:00:00:00:01 img", "MacAddress", "\"02:00:00:00:00:01\"" },
	{ "--mac-address 02:00:00:00:00:01 img", "NetworkingConfig.EndpointsConfig",
	  "{\"default\":{\"MacAddress\":\"02:00:00:00:00:01\"}}" },
	{ "--network a --network name=b,mac-address=02:00:00:00:00:01 img", "MacAddress", "-" },
	{ "-p published=8080,target=80,protocol=UDP,mode=host img", "HostConfig.PortBindings",
	  "{\"80/udp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]}" },
	{ "-p ::1:8080:80 img", "HostConfig.PortBindings",
	  "{\"80/tcp\":[{\"HostIp\":\"::1\",\"HostPort\":\"8080\"}]}" },
	{ "-p 80/ img", "HostConfig.PortBindings",
	  "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"\"}]}" },
	{ "--rm img", "HostConfig.AutoRemove", "true" },
	{ "--init=false img", "HostConfig.Init", "false" },
	{ "img", "HostConfig.Init", "-" },
	{ "--log-opt max-size=1m img", "HostConfig.LogConfig",
	  "{\"Type\":\"\",\"Config\":{\"max-size\":\"1m\"}}" },
	{ "--add-host a=1.2.3.4 img", "HostConfig.ExtraHosts", "[\"a:1.2.3.4\"]" },
	{ "--security-opt systempaths=unconfined img", "HostConfig.MaskedPaths", "[]" },
	{ "--security-opt seccomp=unconfined img", "HostConfig.SecurityOpt",
	  "[\"seccomp=unconfined\"]" },
	{ "--health-cmd true --health-interval 1m img", "Healthcheck",
	  "{\"Test\":[\"CMD-SHELL\",\"true\"],\"Interval\":60000000000}" },
	{ "--no-healthcheck img", "Healthcheck", "{\"Test\":[\"NONE\"]}" },
	{ "--device-read-bps /dev/sda:1m img", "HostConfig.BlkioDeviceReadBps",
	  "[{\"Path\":\"/dev/sda\",\"Rate\":1048576}]" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_size(rows); i++) {
		struct error err = { 0 };
		autojson json_t *body = body_of(rows[i].line, &err);
		autofree char *got = member(body, rows[i].path);

		if (!body)
			print_message("%s: %s\n", rows[i].line, err.text);
		assert_string_equal(got, rows[i].want);
	}
}

/* In the words of Docker's own client. */
static const struct {
	const char *line, *text;
} worded[] = {
	{ "-p x img", "invalid containerPort: x" },
	{ "-p 99999:1 img", "invalid hostPort: 99999" },
	{ "-p 1-3:1-2/udp img",
	  "invalid ranges specified for container and host Ports: 1-2 and 1-3" },
	{ "-p 1/ICMP img", "invalid proto: ICMP" },
	{ "-p 1: img", "no port specified: 1:<empty>" },
	{ "-p localhost:1:1 img", "invalid IP address: localhost" },
	{ "-p [::1:1:1 img", "invalid IP address [::1: address [::1:: missing ']' in address" },
	{ "-p target=80,x img", "invalid publish opts format (should be name=value but got 'x')" },
	{ "--expose 80:80 img", "invalid port format for --expose: 80:80" },
	{ "--expose a img",
	  "invalid range format for --expose: a, error: strconv.ParseUint: parsing \"a\": "
	  "invalid syntax" },
	{ "--expose 3-1 img",
	  "invalid range format for --expose: 3-1, error: invalid range specified for port: 3-1" },
	{ "--network name=a,foo=b img",
	  "invalid argument \"name=a,foo=b\" for \"--network\" flag: invalid field key foo" },
	{ "--network name=a,foo img",
	  "invalid argument \"name=a,foo\" for \"--network\" flag: invalid field foo" },
	{ "--network alias=x img",
	  "invalid argument \"alias=x\" for \"--network\" flag: network name/id is not "
	  "specified" },
	{ "--network name=a,gw-priority=x img",
	  "invalid argument \"name=a,gw-priority=x\" for \"--network\" flag: invalid "
	  "gw-priority (x): invalid syntax" },
	{ "--network name=a,driver-opt=x img",
	  "invalid argument \"name=a,driver-opt=x\" for \"--network\" flag: invalid key value "
	  "pair format in driver options" },
	{ "--network a --network a img", "network \"a\" is specified multiple times" },
	{ "--network a --network bridge img",
	  "conflicting options: cannot attach both user-defined and non-user-defined "
	  "network-modes" },
	{ "--network name=a,alias=x --network-alias y img",
	  "conflicting options: cannot specify both --network-alias and per-network alias" },
	{ "--network name=a,ip=1.2.3.4 --ip 1.2.3.4 img",
	  "conflicting options: cannot specify both --ip and per-network IPv4 address" },
	{ "--network name=a,mac-address=02:00:00:00:00:01 --mac-address 02:00:00:00:00:01 img",
	  "conflicting options: cannot specify both --mac-address and per-network MAC address" },
	{ "--network-alias x img",
	  "network-scoped aliases are only supported for user-defined networks" },
	{ "--network= img", "no name set for network" },
	{ "--memory-swappiness 101 img",
	  "invalid value: 101. Valid memory swappiness range is 0-100" },
	{ "--mac-address x img", "x is not a valid mac address" },
	{ "--network name=a,mac-address=x img", "x is not a valid mac address" },
};

static void test_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_size(worded); i++) {
		struct error err = { 0 };
		autojson json_t *body = body_of(worded[i].line, &err);

		assert_null(body);
		assert_string_equal(err.text, worded[i].text);
	}
}

static const char *const refused[] = {
	"--rm --restart always img",
	"-a nothing img",
	"-p 99999:1 img",
	"-p 1:x img",
	"-p 1-3:1-2 img",
	"-p 1/icmp img",
	"-p : img",
	"--expose a img",
	"--mount type=tmpfs img",
	"--mount dst=/x,foo=1 img",
	"--ulimit x=1 img",
	"--ulimit nofile=2:1 img",
	"--ulimit nofile img",
	"--device a:b:c:d img",
	"--device a:b:x img",
	"--restart always:x img",
	"--restart :3 img",
	"--add-host x img",
	"-e =x img",
	"--env-file /nonexistent img",
	"--cpus x img",
	"--health-interval 5 img",
	"--no-healthcheck --health-cmd x img",
	"--security-opt seccomp=/nonexistent img",
	"--device-read-bps x img",
};

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < array_size(refused); i++) {
		struct error err = { 0 };
		autojson json_t *body = body_of(refused[i], &err);

		if (body)
			print_message("not refused: %s\n", refused[i]);
		assert_null(body);
		assert_true(err.kind != ERR_NONE && *err.text);
	}
}

static void test_files(void **state)
{
	char path[] = "/tmp/test-run-XXXXXX";
	int fd = mkstemp(path);
	static const char text[] = "# comment\n\n  A=1 2\nB=\r\nNOT_SET_ANYWHERE\n";
	autofree char *line = xasprintf("--env-file %s -e A=9 img", path), *got = NULL;
	autojson json_t *body = NULL;
	struct error err;

	(void)state;
	assert_true(fd >= 0 && write(fd, text, sizeof(text) - 1) == (ssize_t)sizeof(text) - 1);
	body = body_of(line, &err);
	got = member(body, "Env");
	assert_string_equal(got, "[\"A=9\",\"B=\"]");
	assert_int_equal(pwrite(fd, "A B=1", 5, 0), 5);
	assert_null(body_of(line, &err));
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
