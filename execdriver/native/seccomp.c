/*
 * From a seccomp profile to a filter program. The program is a tree over ranges of system call
 * numbers with equal fate: it installs in a tenth of the time of libseccomp's list, and costs a
 * container a dozen instructions a call. libseccomp knows the numbers; the rest is done here.
 */
#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/utsname.h>

#include "execdriver/native/bpf.h"
#include "execdriver/native/native.h"
#include "execdriver/native/seccomp.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define NUMBERS 1024 /* system calls of one table, and more than any has */
#define X32_BIT 0x40000000u
#define MAX_RULES 2048

/* A table of numbers, as libseccomp names it, and where it lies in the numbers of its audit arch. */
struct table {
	uint32_t libseccomp, audit, offset;
};
static const struct table tables[] = {
#if defined(__x86_64__)
	{ SCMP_ARCH_X86_64, AUDIT_ARCH_X86_64, 0 },
	{ SCMP_ARCH_X32, AUDIT_ARCH_X86_64, X32_BIT },
	{ SCMP_ARCH_X86, AUDIT_ARCH_I386, 0 },
#elif defined(__aarch64__)
	{ SCMP_ARCH_AARCH64, AUDIT_ARCH_AARCH64, 0 },
	{ SCMP_ARCH_ARM, AUDIT_ARCH_ARM, 0 },
#endif
};

/* One rule that applies to this host and these capabilities. */
struct rule {
	uint32_t action;
	const json_t *args; /* NULL: in any case */
};

/* What happens to one number: an unconditional action, or rules that are tried in order. */
struct fate {
	struct rule rules[12];
	size_t n;
	bool fixed; /* rules[0] decides alone */
};

struct compiler {
	uint64_t caps;
	uint32_t default_action;
	struct fate *fates; /* NUMBERS of them, and one for what lies above */
};

static int action_of(const char *name, int code, uint32_t *out, struct error *err)
{
	static const struct {
		const char *name;
		uint32_t action;
	} names[] = {
		{ "SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW },
		{ "SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO },
		{ "SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD },
		{ "SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS },
		{ "SCMP_ACT_TRAP", SECCOMP_RET_TRAP },
		{ "SCMP_ACT_LOG", SECCOMP_RET_LOG },
		{ "SCMP_ACT_TRACE", SECCOMP_RET_TRACE },
	};

	for (size_t i = 0; i < array_size(names); i++)
		if (strcmp(names[i].name, name) == 0) {
			*out = names[i].action;
			if (*out == SECCOMP_RET_ERRNO || *out == SECCOMP_RET_TRACE)
				*out |= (uint32_t)code & SECCOMP_RET_DATA;
			return 0;
		}
	return error_set(err, ERR_BAD_REQUEST, "seccomp profile: unknown action \"%s\"", name);
}

static bool has_cap(uint64_t caps, const char *name)
{
	autofree char *lower = xstrdup(name);
	cap_value_t value;

	for (char *p = lower; *p; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
	return cap_from_name(lower, &value) == 0 && caps >> value & 1;
}

/* Is one of the listed capabilities there (any), or all of them? */
static bool caps_match(const struct compiler *cc, const json_t *list, bool all)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_is_string(v) && has_cap(cc->caps, json_string_value(v)) != all)
			return !all;
	return all;
}

static bool arch_listed(const json_t *list)
{
#if defined(__x86_64__)
	static const char native[] = "amd64";
#elif defined(__aarch64__)
	static const char native[] = "arm64";
#else
	static const char native[] = "";
#endif
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_is_string(v) && strcmp(json_string_value(v), native) == 0)
			return true;
	return false;
}

static bool kernel_at_least(const char *wanted)
{
	struct utsname u;
	int a = 0, b = 0, x = 0, y = 0;

	uname(&u);
	return sscanf(wanted, "%d.%d", &a, &b) == 2 && sscanf(u.release, "%d.%d", &x, &y) == 2 &&
	       (x > a || (x == a && y >= b));
}

static bool rule_applies(const struct compiler *cc, const json_t *rule)
{
	const json_t *in = json_object_get(rule, "includes"),
		     *ex = json_object_get(rule, "excludes");
	const json_t *caps = json_get_arr(in, "caps"), *arches = json_get_arr(in, "arches");
	const char *kernel = json_get_str(in, "minKernel", NULL);

	if ((json_array_size(caps) && !caps_match(cc, caps, true)) ||
	    (json_array_size(arches) && !arch_listed(arches)) ||
	    (kernel && !kernel_at_least(kernel)))
		return false;
	caps = json_get_arr(ex, "caps");
	arches = json_get_arr(ex, "arches");
	kernel = json_get_str(ex, "minKernel", NULL);
	return !((json_array_size(caps) && caps_match(cc, caps, false)) ||
		 (json_array_size(arches) && arch_listed(arches)) ||
		 (kernel && kernel_at_least(kernel)));
}

static void add_rule(struct fate *f, uint32_t action, const json_t *args)
{
	if (f->fixed)
		return;
	if (!args) {
		f->rules[0] = (struct rule){ action, NULL };
		f->n = 1;
		f->fixed = true;
	} else if (f->n < array_size(f->rules)) {
		f->rules[f->n++] = (struct rule){ action, args };
	}
}

static int number_of(const struct table *t, const char *name)
{
	int nr = seccomp_syscall_resolve_name_arch(t->libseccomp, name);

	if (nr == __NR_SCMP_ERROR || nr < 0)
		return -1;
	nr = (int)((uint32_t)nr & ~X32_BIT);
	return nr < NUMBERS ? nr : -1;
}

/* Put one profile entry into the fates of its numbers. */
static int apply_entry(struct compiler *cc, const struct table *t, const json_t *entry,
		       struct error *err)
{
	const json_t *args = json_get_arr(entry, "args"), *names = json_get_arr(entry, "names"), *v;
	const char *single = json_get_str(entry, "name", NULL);
	uint32_t action;
	size_t i;
	int nr;

	if (!rule_applies(cc, entry))
		return 0;
	if (action_of(json_get_str(entry, "action", ""),
		      (int)json_get_int(entry, "errnoRet", EPERM), &action, err) < 0)
		return -1;
	if (!json_array_size(args))
		args = NULL;
	if (single && (nr = number_of(t, single)) >= 0)
		add_rule(&cc->fates[nr], action, args);
	json_array_foreach(names, i, v)
		if (json_is_string(v) && (nr = number_of(t, json_string_value(v))) >= 0)
			add_rule(&cc->fates[nr], action, args);
	return 0;
}

static int emit_arg(struct bpf_code *code, const json_t *arg, struct error *err)
{
	static const char *const ops[] = { "SCMP_CMP_EQ",       "SCMP_CMP_NE", "SCMP_CMP_LT",
					   "SCMP_CMP_LE",       "SCMP_CMP_GT", "SCMP_CMP_GE",
					   "SCMP_CMP_MASKED_EQ" };
	const char *op = json_get_str(arg, "op", "");
	uint64_t value = (uint64_t)json_get_int(arg, "value", 0);
	uint64_t two = (uint64_t)json_get_int(arg, "valueTwo", 0);
	long long index = json_get_int(arg, "index", 0);

	if (index < 0 || index > 5)
		return error_set(err, ERR_BAD_REQUEST, "seccomp profile: argument %lld", index);
	for (int i = 0; i < (int)array_size(ops); i++) {
		if (strcmp(ops[i], op) != 0)
			continue;
		if (i == BPF_CMP_MASKED)
			bpf_compare_arg(code, (unsigned)index, BPF_CMP_MASKED, two, value);
		else
			bpf_compare_arg(code, (unsigned)index, (enum bpf_compare)i, value, 0);
		return 0;
	}
	return error_set(err, ERR_BAD_REQUEST, "seccomp profile: unknown operator \"%s\"", op);
}

static int emit_fate(const struct compiler *cc, const struct fate *f, struct bpf_code *code,
		     struct error *err)
{
	for (size_t i = 0; i < f->n; i++) {
		size_t start = code->n, j;
		const json_t *arg;

		json_array_foreach(f->rules[i].args, j, arg)
			if (emit_arg(code, arg, err) < 0)
				return -1;
		if (code->n - start > 200)
			return error_set(err, ERR_BAD_REQUEST,
					 "seccomp profile: too many arguments");
		bpf_emit(code, BPF_RET | BPF_K, f->rules[i].action, 0, 0);
		bpf_block_end(code, start);
	}
	if (!f->fixed)
		bpf_emit(code, BPF_RET | BPF_K, cc->default_action, 0, 0);
	return 0;
}

/*
 * System calls that are newer than everything the profile names do not exist for the container: a C
 * library falls back on the older way for ENOSYS alone.
 */
static void mark_newer(struct compiler *cc)
{
	int last = NUMBERS - 1;

	if ((cc->default_action & SECCOMP_RET_ACTION_FULL) != SECCOMP_RET_ERRNO)
		return;
	while (last >= 0 && !cc->fates[last].n)
		last--;
	for (int nr = last + 1; nr < NUMBERS; nr++)
		add_rule(&cc->fates[nr], SECCOMP_RET_ERRNO | ENOSYS, NULL);
	cc->fates[NUMBERS] = cc->fates[NUMBERS - 1];
}

/* Numbers with the same unconditional action share a range. */
static bool same_fate(const struct fate *a, const struct fate *b)
{
	if (a->n == 0 || b->n == 0)
		return a->n == b->n;
	return a->fixed && b->fixed && a->rules[0].action == b->rules[0].action;
}

struct ranges {
	struct bpf_range v[MAX_RULES];
	size_t n;
};

static int collect(struct compiler *cc, const struct table *t, const json_t *entries,
		   struct ranges *out, struct error *err)
{
	const json_t *entry;
	size_t i;

	memset(cc->fates, 0, (NUMBERS + 1) * sizeof(*cc->fates));
	json_array_foreach(entries, i, entry)
		if (apply_entry(cc, t, entry, err) < 0)
			return -1;
	mark_newer(cc);
	for (uint32_t nr = 0; nr <= NUMBERS; nr++) { /* the last range is open */
		const struct fate *f = &cc->fates[nr];
		struct bpf_range *r;

		if (nr > 0 && same_fate(f, &cc->fates[nr - 1]))
			continue;
		if (out->n == MAX_RULES)
			return error_set(err, ERR_BAD_REQUEST, "seccomp profile: too many rules");
		r = &out->v[out->n++];
		*r = (struct bpf_range){ .first = t->offset + nr };
		if (emit_fate(cc, f, &r->code, err) < 0)
			return -1;
	}
	return 0;
}

/* The tree of all tables of one audit arch, behind the check that it is this one. */
static int emit_arch(struct compiler *cc, uint32_t audit, const json_t *entries,
		     struct bpf_code *out, struct error *err)
{
	struct ranges *ranges = xcalloc(1, sizeof(*ranges));
	struct bpf_code tree = { 0 };
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < array_size(tables); i++)
		if (tables[i].audit == audit)
			rc = collect(cc, &tables[i], entries, ranges, err);
	if (rc == 0) {
		bpf_emit(&tree, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
		bpf_tree(&tree, ranges->v, ranges->n);
		bpf_emit(out, BPF_JMP | BPF_JEQ | BPF_K, audit, 1, 0);
		bpf_emit(out, BPF_JMP | BPF_JA, (uint32_t)tree.n, 0, 0);
		bpf_append(out, &tree);
	}
	for (size_t i = 0; i < ranges->n; i++)
		bpf_code_done(&ranges->v[i].code);
	free(ranges);
	bpf_code_done(&tree);
	return rc;
}

static int emit_all(struct compiler *cc, const json_t *profile, struct bpf_code *out,
		    struct error *err)
{
	const json_t *entries = json_get_arr(profile, "syscalls");

	if (action_of(json_get_str(profile, "defaultAction", ""),
		      (int)json_get_int(profile, "defaultErrnoRet", EPERM), &cc->default_action,
		      err) < 0)
		return -1;
	bpf_emit(out, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	for (size_t i = 0; i < array_size(tables); i++)
		if ((i == 0 || tables[i].audit != tables[i - 1].audit) &&
		    emit_arch(cc, tables[i].audit, entries, out, err) < 0)
			return -1;
	bpf_emit(out, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	if (out->n > BPF_MAXINSNS)
		return error_set(err, ERR_BAD_REQUEST, "seccomp profile: the program is too long");
	return 0;
}

int seccomp_compile(const char *profile_json, uint64_t caps, struct buf *program, struct error *err)
{
	const char *text = profile_json ? profile_json : seccomp_default_profile;
	autojson json_t *profile = json_parse(text, strlen(text), err);
	struct compiler cc = { .caps = caps };
	struct bpf_code code = { 0 };
	int rc;

	if (!profile)
		return error_prefix(err, "decoding seccomp profile failed");
	cc.fates = xcalloc(NUMBERS + 1, sizeof(*cc.fates)); /* and one for all above */
	rc = emit_all(&cc, profile, &code, err);
	if (rc == 0)
		rc = buf_add(program, code.v, code.n * sizeof(*code.v));
	bpf_code_done(&code);
	free(cc.fates);
	return rc;
}
