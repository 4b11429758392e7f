/*
 * Which devices a container may open. On v1 a list of writes to the devices cgroup; on v2 a small
 * eBPF program that is asked at every open and mknod.
 */
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "execdriver/native/native.h"
#include "pkg/mem.h"

/* What every container may use, in the notation of the kernel. */
static const char *const defaults[] = {
	"c *:* m",   "b *:* m",   "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm",   "c 1:8 rwm",
	"c 1:9 rwm", "c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm",
};

struct device_rule {
	char type;        /* 'c', 'b', 'a' */
	int major, minor; /* -1: any */
	char access[4];
};

static int number_or_any(const char *text)
{
	int n;

	return sscanf(text, "%d", &n) == 1 ? n : -1;
}

/* "c 1:3 rwm"; "a" alone is everything. */
static bool rule_parse(const char *text, struct device_rule *out)
{
	char major_no[12], minor_no[12];

	*out = (struct device_rule){ .type = 'a', .major = -1, .minor = -1, .access = "rwm" };
	if (text[0] == 'a')
		return true;
	if (sscanf(text, "%c %11[^:]:%11s %3s", &out->type, major_no, minor_no, out->access) != 4)
		return false;
	out->major = number_or_any(major_no);
	out->minor = number_or_any(minor_no);
	return out->type == 'c' || out->type == 'b';
}

/* Call fn for every rule of a command, in the kernel's notation. */
static void each_rule(const struct exec_command *c, void (*fn)(void *arg, const char *rule),
		      void *arg)
{
	struct stat st;

	if (c->process.privileged) {
		fn(arg, "a");
		return;
	}
	for (size_t i = 0; i < array_size(defaults); i++)
		fn(arg, defaults[i]);
	for (size_t i = 0; i < c->ndevices; i++) {
		autofree char *rule = NULL;

		if (stat(c->devices[i].source, &st) < 0)
			continue; /* rootfs.c has refused it already */
		rule = xasprintf("%c %u:%u %s", S_ISBLK(st.st_mode) ? 'b' : 'c', major(st.st_rdev),
				 minor(st.st_rdev), c->devices[i].access);
		fn(arg, rule);
	}
	for (size_t i = 0; i < c->resources.device_rules.n; i++)
		fn(arg, c->resources.device_rules.v[i]);
}

struct v1_target {
	struct plan_writer *w;
	char *allow;
};

static void allow_v1(void *arg, const char *rule)
{
	struct v1_target *t = arg;

	plan_put(t->w, PLAN_CGROUP_WRITE, t->allow, rule, "must", NULL);
}

void plan_devices_v1(const char *dir, const struct exec_command *c, struct plan_writer *w)
{
	autofree char *deny = xasprintf("%s/devices.deny", dir),
		      *allow = xasprintf("%s/devices.allow", dir);
	struct v1_target t = { w, allow };

	if (!c->process.privileged)
		plan_put(w, PLAN_CGROUP_WRITE, deny, "a", "must", NULL);
	each_rule(c, allow_v1, &t);
}

/* ---- eBPF ---- */

static void insn(struct buf *prog, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	struct bpf_insn i = {
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm
	};

	buf_add(prog, &i, sizeof(i));
}

static void load_context(struct buf *prog)
{
	/* r2 = type, r3 = access, r4 = major, r5 = minor of struct bpf_cgroup_dev_ctx in r1 */
	insn(prog, BPF_LDX | BPF_MEM | BPF_W, 2, 1,
	     offsetof(struct bpf_cgroup_dev_ctx, access_type), 0);
	insn(prog, BPF_ALU64 | BPF_MOV | BPF_X, 3, 2, 0, 0);
	insn(prog, BPF_ALU64 | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	insn(prog, BPF_ALU64 | BPF_RSH | BPF_K, 3, 0, 0, 16);
	insn(prog, BPF_LDX | BPF_MEM | BPF_W, 4, 1, offsetof(struct bpf_cgroup_dev_ctx, major), 0);
	insn(prog, BPF_LDX | BPF_MEM | BPF_W, 5, 1, offsetof(struct bpf_cgroup_dev_ctx, minor), 0);
}

static int32_t access_bits(const char *access)
{
	return (strchr(access, 'm') ? BPF_DEVCG_ACC_MKNOD : 0) |
	       (strchr(access, 'r') ? BPF_DEVCG_ACC_READ : 0) |
	       (strchr(access, 'w') ? BPF_DEVCG_ACC_WRITE : 0);
}

/* Allow when type, numbers and all wanted access match; else go on behind it. */
static void allow_v2(void *arg, const char *text)
{
	struct buf *prog = arg;
	struct device_rule r;
	int16_t left;

	if (!rule_parse(text, &r))
		return;
	left = (int16_t)(2 + 3 + (r.type != 'a') + (r.major >= 0) + (r.minor >= 0));
	if (r.type != 'a')
		insn(prog, BPF_JMP | BPF_JNE | BPF_K, 2, 0, (int16_t)(--left),
		     r.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	/* r0 = what is wanted and not granted */
	insn(prog, BPF_ALU64 | BPF_MOV | BPF_X, 0, 3, 0, 0);
	insn(prog, BPF_ALU64 | BPF_AND | BPF_K, 0, 0, 0, ~access_bits(r.access));
	left = (int16_t)(left - 3);
	insn(prog, BPF_JMP | BPF_JNE | BPF_K, 0, 0, left, 0);
	if (r.major >= 0)
		insn(prog, BPF_JMP | BPF_JNE | BPF_K, 4, 0, (int16_t)(--left), r.major);
	if (r.minor >= 0)
		insn(prog, BPF_JMP | BPF_JNE | BPF_K, 5, 0, (int16_t)(--left), r.minor);
	insn(prog, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
	insn(prog, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

void plan_devices_v2(const struct exec_command *c, struct plan_writer *w)
{
	autobuf struct buf prog = BUF_INIT(256 * 1024);

	if (c->process.privileged)
		return;
	load_context(&prog);
	each_rule(c, allow_v2, &prog);
	insn(&prog, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0);
	insn(&prog, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	plan_put_raw(w, PLAN_DEVICE_BPF, prog.p, prog.len);
}
