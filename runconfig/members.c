/*
 * The members of Config, HostConfig and NetworkingConfig: names, types, defaults, in the order in
 * which inspect shows them. Source: the Engine API 1.44, definitions ContainerConfig, HostConfig,
 * Resources, Mount and EndpointSettings. The names of Go's types are part of messages.
 */
#include "runconfig/schema.h"

#define STRING(gotype)                                                                             \
	{                                                                                          \
		.kind = SCHEMA_STRING, .go = gotype                                                \
	}
#define INT(gotype, low, high)                                                                     \
	{                                                                                          \
		.kind = SCHEMA_INT, .go = gotype, .min = low, .max = high                          \
	}
#define LIST(gotype, of)                                                                           \
	{                                                                                          \
		.kind = SCHEMA_LIST, .go = gotype, .elem = of                                      \
	}
#define MAP(gotype, of)                                                                            \
	{                                                                                          \
		.kind = SCHEMA_MAP, .go = gotype, .elem = of                                       \
	}
#define OBJECT(gotype, rows)                                                                       \
	{                                                                                          \
		.kind = SCHEMA_OBJECT, .go = gotype, .members = rows                               \
	}
#define OBJECT_PTR(gotype, rows)                                                                   \
	{                                                                                          \
		.kind = SCHEMA_OBJECT, .go = gotype, .nullable = true, .members = rows             \
	}

static const struct schema_type string = STRING("string");
static const struct schema_type boolean = { .kind = SCHEMA_BOOL, .go = "bool" };
static const struct schema_type boolean_ptr = { .kind = SCHEMA_BOOL,
						.go = "bool",
						.nullable = true };
static const struct schema_type integer = INT("int", INT64_MIN, INT64_MAX);
static const struct schema_type integer_ptr = { SCHEMA_INT, "int", true, INT64_MIN,
						INT64_MAX,  0,     NULL, NULL };
static const struct schema_type int64 = INT("int64", INT64_MIN, INT64_MAX);
static const struct schema_type int64_ptr = { SCHEMA_INT, "int64", true, INT64_MIN,
					      INT64_MAX,  0,       NULL, NULL };
static const struct schema_type uint16 = INT("uint16", 0, UINT16_MAX);
static const struct schema_type uint32 = INT("fs.FileMode", 0, UINT32_MAX);
static const struct schema_type uint64 = INT("uint64", 0, INT64_MAX);
static const struct schema_type duration = INT("time.Duration", INT64_MIN, INT64_MAX);
static const struct schema_type strings = LIST("[]string", &string);
static const struct schema_type words = { .kind = SCHEMA_WORDS, .go = "string", .elem = &string };
static const struct schema_type string_map = MAP("map[string]string", &string);
static const struct schema_type path_set = { .kind = SCHEMA_SET, .go = "map[string]struct {}" };
static const struct schema_type port_set = { .kind = SCHEMA_SET, .go = "nat.PortSet" };

static const struct schema_member health_members[] = {
	{ "Test", &strings, SCHEMA_OMIT, NULL },
	{ "Interval", &duration, SCHEMA_OMIT, NULL },
	{ "Timeout", &duration, SCHEMA_OMIT, NULL },
	{ "StartPeriod", &duration, SCHEMA_OMIT, NULL },
	{ "StartInterval", &duration, SCHEMA_OMIT, NULL },
	{ "Retries", &integer, SCHEMA_OMIT, NULL },
	{ 0 },
};
static const struct schema_type health = OBJECT_PTR("v1.HealthcheckConfig", health_members);

static const struct schema_member config_members[] = {
	{ "Hostname", &string, 0, NULL },
	{ "Domainname", &string, 0, NULL },
	{ "User", &string, 0, NULL },
	{ "AttachStdin", &boolean, 0, NULL },
	{ "AttachStdout", &boolean, 0, NULL },
	{ "AttachStderr", &boolean, 0, NULL },
	{ "ExposedPorts", &port_set, SCHEMA_OMIT, NULL },
	{ "Tty", &boolean, 0, NULL },
	{ "OpenStdin", &boolean, 0, NULL },
	{ "StdinOnce", &boolean, 0, NULL },
	{ "Env", &strings, 0, NULL },
	{ "Cmd", &words, 0, NULL },
	{ "Healthcheck", &health, SCHEMA_OMIT, NULL },
	{ "ArgsEscaped", &boolean, SCHEMA_OMIT, NULL },
	{ "Image", &string, 0, NULL },
	{ "Volumes", &path_set, 0, NULL },
	{ "WorkingDir", &string, 0, NULL },
	{ "Entrypoint", &words, 0, NULL },
	{ "NetworkDisabled", &boolean, SCHEMA_OMIT, NULL },
	{ "MacAddress", &string, SCHEMA_OMIT, NULL },
	{ "OnBuild", &strings, 0, NULL },
	{ "Labels", &string_map, 0, "{}" },
	{ "StopSignal", &string, SCHEMA_OMIT, NULL },
	{ "StopTimeout", &integer_ptr, SCHEMA_OMIT, NULL },
	{ "Shell", &words, SCHEMA_OMIT, NULL },
	{ 0 },
};
const struct schema_type schema_config = OBJECT("runconfig.ContainerConfigWrapper", config_members);

static const struct schema_member log_members[] = {
	{ "Type", &string, 0, "\"json-file\"" },
	{ "Config", &string_map, 0, "{}" },
	{ 0 },
};
static const struct schema_type log_config = OBJECT("container.LogConfig", log_members);

static const struct schema_type restart_mode = STRING("container.RestartPolicyMode");
static const struct schema_member restart_members[] = {
	{ "Name", &restart_mode, 0, "\"no\"" },
	{ "MaximumRetryCount", &integer, 0, NULL },
	{ 0 },
};
static const struct schema_type restart_policy = OBJECT("container.RestartPolicy", restart_members);

static const struct schema_member binding_members[] = {
	{ "HostIp", &string, 0, NULL },
	{ "HostPort", &string, 0, NULL },
	{ 0 },
};
static const struct schema_type binding = OBJECT("nat.PortBinding", binding_members);
static const struct schema_type binding_list = LIST("[]nat.PortBinding", &binding);
static const struct schema_type port_map = MAP("nat.PortMap", &binding_list);

static const struct schema_type unsigned_int = INT("uint", 0, UINT32_MAX);
static const struct schema_type console_size = {
	.kind = SCHEMA_LIST, .go = "[2]uint", .fixed = 2, .elem = &unsigned_int
};

static const struct schema_member weight_members[] = {
	{ "Path", &string, 0, NULL },
	{ "Weight", &uint16, 0, NULL },
	{ 0 },
};
static const struct schema_type weight = OBJECT("blkiodev.WeightDevice", weight_members);
static const struct schema_type weights = LIST("[]*blkiodev.WeightDevice", &weight);
static const struct schema_member throttle_members[] = {
	{ "Path", &string, 0, NULL },
	{ "Rate", &uint64, 0, NULL },
	{ 0 },
};
static const struct schema_type throttle = OBJECT("blkiodev.ThrottleDevice", throttle_members);
static const struct schema_type throttles = LIST("[]*blkiodev.ThrottleDevice", &throttle);

static const struct schema_member device_members[] = {
	{ "PathOnHost", &string, 0, NULL },
	{ "PathInContainer", &string, 0, NULL },
	{ "CgroupPermissions", &string, 0, NULL },
	{ 0 },
};
static const struct schema_type device = OBJECT("container.DeviceMapping", device_members);
static const struct schema_type devices = LIST("[]container.DeviceMapping", &device);

static const struct schema_type string_lists = LIST("[][]string", &strings);
static const struct schema_member request_members[] = {
	{ "Driver", &string, 0, NULL },      { "Count", &integer, 0, NULL },
	{ "DeviceIDs", &strings, 0, NULL },  { "Capabilities", &string_lists, 0, NULL },
	{ "Options", &string_map, 0, NULL }, { 0 },
};
static const struct schema_type request = OBJECT("container.DeviceRequest", request_members);
static const struct schema_type requests = LIST("[]container.DeviceRequest", &request);

static const struct schema_member ulimit_members[] = {
	{ "Name", &string, 0, NULL },
	{ "Hard", &int64, 0, NULL },
	{ "Soft", &int64, 0, NULL },
	{ 0 },
};
static const struct schema_type ulimit = OBJECT("units.Ulimit", ulimit_members);
static const struct schema_type ulimits = LIST("[]*units.Ulimit", &ulimit);

static const struct schema_type propagation = STRING("mount.Propagation");
static const struct schema_member bind_members[] = {
	{ "Propagation", &propagation, SCHEMA_OMIT, NULL },
	{ "NonRecursive", &boolean, SCHEMA_OMIT, NULL },
	{ "CreateMountpoint", &boolean, SCHEMA_OMIT, NULL },
	{ "ReadOnlyNonRecursive", &boolean, SCHEMA_OMIT, NULL },
	{ "ReadOnlyForceRecursive", &boolean, SCHEMA_OMIT, NULL },
	{ 0 },
};
static const struct schema_type bind_options = OBJECT_PTR("mount.BindOptions", bind_members);
static const struct schema_member driver_members[] = {
	{ "Name", &string, SCHEMA_OMIT, NULL },
	{ "Options", &string_map, SCHEMA_OMIT, NULL },
	{ 0 },
};
static const struct schema_type mount_driver = OBJECT_PTR("mount.Driver", driver_members);
static const struct schema_member volume_members[] = {
	{ "NoCopy", &boolean, SCHEMA_OMIT, NULL },
	{ "Labels", &string_map, SCHEMA_OMIT, NULL },
	{ "DriverConfig", &mount_driver, SCHEMA_OMIT, NULL },
	{ "Subpath", &string, SCHEMA_OMIT, NULL },
	{ 0 },
};
static const struct schema_type volume_options = OBJECT_PTR("mount.VolumeOptions", volume_members);
static const struct schema_member tmpfs_members[] = {
	{ "SizeBytes", &int64, SCHEMA_OMIT, NULL },
	{ "Mode", &uint32, SCHEMA_OMIT, NULL },
	{ "Options", &string_lists, SCHEMA_OMIT, NULL },
	{ 0 },
};
static const struct schema_type tmpfs_options = OBJECT_PTR("mount.TmpfsOptions", tmpfs_members);

static const struct schema_type mount_type = STRING("mount.Type");
static const struct schema_type consistency = STRING("mount.Consistency");
static const struct schema_member mount_members[] = {
	{ "Type", &mount_type, SCHEMA_OMIT, NULL },
	{ "Source", &string, SCHEMA_OMIT, NULL },
	{ "Target", &string, SCHEMA_OMIT, NULL },
	{ "ReadOnly", &boolean, SCHEMA_OMIT, NULL },
	{ "Consistency", &consistency, SCHEMA_OMIT, NULL },
	{ "BindOptions", &bind_options, SCHEMA_OMIT, NULL },
	{ "VolumeOptions", &volume_options, SCHEMA_OMIT, NULL },
	{ "TmpfsOptions", &tmpfs_options, SCHEMA_OMIT, NULL },
	{ 0 },
};
static const struct schema_type mount = OBJECT("mount.Mount", mount_members);
static const struct schema_type mounts = LIST("[]mount.Mount", &mount);

static const struct schema_type network_mode = STRING("container.NetworkMode");
static const struct schema_type cgroupns_mode = STRING("container.CgroupnsMode");
static const struct schema_type ipc_mode = STRING("container.IpcMode");
static const struct schema_type cgroup_spec = STRING("container.CgroupSpec");
static const struct schema_type pid_mode = STRING("container.PidMode");
static const struct schema_type uts_mode = STRING("container.UTSMode");
static const struct schema_type userns_mode = STRING("container.UsernsMode");
static const struct schema_type isolation = STRING("container.Isolation");

#define MASKED                                                                                     \
	"[\"/proc/asound\",\"/proc/acpi\",\"/proc/kcore\",\"/proc/keys\",\"/proc/latency_stats\"," \
	"\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\",\"/proc/scsi\","         \
	"\"/sys/firmware\",\"/sys/devices/virtual/powercap\"]"
#define READONLY "[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]"

static const struct schema_member host_config_members[] = {
	{ "Binds", &strings, 0, NULL },
	{ "ContainerIDFile", &string, 0, NULL },
	{ "LogConfig", &log_config, 0, NULL },
	{ "NetworkMode", &network_mode, 0, "\"default\"" },
	{ "PortBindings", &port_map, 0, "{}" },
	{ "RestartPolicy", &restart_policy, 0, NULL },
	{ "AutoRemove", &boolean, 0, NULL },
	{ "VolumeDriver", &string, 0, NULL },
	{ "VolumesFrom", &strings, 0, NULL },
	{ "ConsoleSize", &console_size, 0, NULL },
	{ "Annotations", &string_map, SCHEMA_OMIT, NULL },
	{ "CapAdd", &words, 0, NULL },
	{ "CapDrop", &words, 0, NULL },
	{ "CgroupnsMode", &cgroupns_mode, 0, NULL },
	{ "Dns", &strings, 0, "[]" },
	{ "DnsOptions", &strings, 0, "[]" },
	{ "DnsSearch", &strings, 0, "[]" },
	{ "ExtraHosts", &strings, 0, NULL },
	{ "GroupAdd", &strings, 0, NULL },
	{ "IpcMode", &ipc_mode, 0, "\"private\"" },
	{ "Cgroup", &cgroup_spec, 0, NULL },
	{ "Links", &strings, 0, NULL },
	{ "OomScoreAdj", &integer, 0, NULL },
	{ "PidMode", &pid_mode, 0, NULL },
	{ "Privileged", &boolean, 0, NULL },
	{ "PublishAllPorts", &boolean, 0, NULL },
	{ "ReadonlyRootfs", &boolean, 0, NULL },
	{ "SecurityOpt", &strings, 0, NULL },
	{ "StorageOpt", &string_map, SCHEMA_OMIT, NULL },
	{ "Tmpfs", &string_map, SCHEMA_OMIT, NULL },
	{ "UTSMode", &uts_mode, 0, NULL },
	{ "UsernsMode", &userns_mode, 0, NULL },
	{ "ShmSize", &int64, 0, "67108864" },
	{ "Sysctls", &string_map, SCHEMA_OMIT, NULL },
	{ "Runtime", &string, SCHEMA_OMIT, "\"runc\"" },
	{ "Isolation", &isolation, 0, NULL },
	/* Resources */
	{ "CpuShares", &int64, 0, NULL },
	{ "Memory", &int64, 0, NULL },
	{ "NanoCpus", &int64, 0, NULL },
	{ "CgroupParent", &string, 0, NULL },
	{ "BlkioWeight", &uint16, 0, NULL },
	{ "BlkioWeightDevice", &weights, 0, "[]" },
	{ "BlkioDeviceReadBps", &throttles, 0, "[]" },
	{ "BlkioDeviceWriteBps", &throttles, 0, "[]" },
	{ "BlkioDeviceReadIOps", &throttles, 0, "[]" },
	{ "BlkioDeviceWriteIOps", &throttles, 0, "[]" },
	{ "CpuPeriod", &int64, 0, NULL },
	{ "CpuQuota", &int64, 0, NULL },
	{ "CpuRealtimePeriod", &int64, 0, NULL },
	{ "CpuRealtimeRuntime", &int64, 0, NULL },
	{ "CpusetCpus", &string, 0, NULL },
	{ "CpusetMems", &string, 0, NULL },
	{ "Devices", &devices, 0, "[]" },
	{ "DeviceCgroupRules", &strings, 0, NULL },
	{ "DeviceRequests", &requests, 0, NULL },
	{ "KernelMemory", &int64, SCHEMA_OMIT, NULL },
	{ "KernelMemoryTCP", &int64, SCHEMA_OMIT, NULL },
	{ "MemoryReservation", &int64, 0, NULL },
	{ "MemorySwap", &int64, 0, NULL },
	{ "MemorySwappiness", &int64_ptr, 0, NULL },
	{ "OomKillDisable", &boolean_ptr, 0, "false" },
	{ "PidsLimit", &int64_ptr, 0, NULL },
	{ "Ulimits", &ulimits, 0, "[]" },
	{ "CpuCount", &int64, 0, NULL },
	{ "CpuPercent", &int64, 0, NULL },
	{ "IOMaximumIOps", &uint64, 0, NULL },
	{ "IOMaximumBandwidth", &uint64, 0, NULL },
	/* end of Resources */
	{ "Mounts", &mounts, SCHEMA_OMIT, NULL },
	{ "MaskedPaths", &strings, 0, MASKED },
	{ "ReadonlyPaths", &strings, 0, READONLY },
	{ "Init", &boolean_ptr, SCHEMA_OMIT, NULL },
	{ 0 },
};
const struct schema_type schema_host_config = OBJECT("container.HostConfig", host_config_members);

static const struct schema_member ipam_members[] = {
	{ "IPv4Address", &string, SCHEMA_OMIT, NULL },
	{ "IPv6Address", &string, SCHEMA_OMIT, NULL },
	{ "LinkLocalIPs", &strings, SCHEMA_OMIT, NULL },
	{ 0 },
};
static const struct schema_type ipam = OBJECT_PTR("network.EndpointIPAMConfig", ipam_members);
static const struct schema_member endpoint_members[] = {
	{ "IPAMConfig", &ipam, 0, NULL },          { "Links", &strings, 0, NULL },
	{ "Aliases", &strings, 0, NULL },          { "MacAddress", &string, 0, NULL },
	{ "DriverOpts", &string_map, 0, NULL },    { "GwPriority", &integer, SCHEMA_OMIT, NULL },
	{ "NetworkID", &string, 0, NULL },         { "EndpointID", &string, 0, NULL },
	{ "Gateway", &string, 0, NULL },           { "IPAddress", &string, 0, NULL },
	{ "IPPrefixLen", &integer, 0, NULL },      { "IPv6Gateway", &string, 0, NULL },
	{ "GlobalIPv6Address", &string, 0, NULL }, { "GlobalIPv6PrefixLen", &integer, 0, NULL },
	{ "DNSNames", &strings, 0, NULL },         { 0 },
};
static const struct schema_type endpoint = OBJECT("network.EndpointSettings", endpoint_members);
static const struct schema_type endpoints = MAP("map[string]*network.EndpointSettings", &endpoint);
static const struct schema_member networking_members[] = {
	{ "EndpointsConfig", &endpoints, 0, NULL },
	{ 0 },
};
const struct schema_type schema_networking_config =
	OBJECT("network.NetworkingConfig", networking_members);
