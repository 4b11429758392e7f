/* Seccomp programs, run by a small interpreter of the BPF that the kernel would run. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "execdriver/native/native.h"
#include "tests/unit/unit.h"

#define DEFAULT_CAPS 0xa80425fbULL
#define ALL_CAPS (~0ULL)

static uint32_t run(const struct buf *program, uint32_t arch, int nr, uint64_t arg0)
{
	const struct sock_filter *v = (const struct sock_filter *)program->p;
	size_t n = program->len / sizeof(*v);
	struct seccomp_data data = { .nr = nr, .arch = arch, .args = { arg0 } };
	uint32_t acc = 0;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *f = &v[pc];

		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&acc, (char *)&data + f->k, sizeof(acc));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			acc &= f->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += acc == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += acc > f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += acc >= f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail_msg("unknown instruction %u", f->code);
		}
	}
	fail_msg("the program ran off its end");
	return 0;
}

static void compile(struct buf *program, const char *profile, uint64_t caps)
{
	struct error err = { 0 };

	buf_init(program, 1 << 20);
	if (seccomp_compile(profile, caps, program, &err) < 0)
		fail_msg("%s", err.text);
}

#define DENY (SECCOMP_RET_ERRNO | EPERM)

static void test_default(void **state)
{
	autobuf struct buf p;

	(void)state;
	compile(&p, NULL, DEFAULT_CAPS);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_execve, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_mount, 0), DENY);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_bpf, 0), DENY);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_keyctl, 0), DENY);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_clone3, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, 5000, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, 470, 0), SECCOMP_RET_ERRNO | ENOSYS);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_chroot, 0), SECCOMP_RET_ALLOW);
}

static void test_arguments(void **state)
{
	autobuf struct buf p;

	(void)state;
	compile(&p, NULL, DEFAULT_CAPS);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_clone, CLONE_VM), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_clone, CLONE_NEWUSER), DENY);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_clone, CLONE_NEWNS | CLONE_VM), DENY);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_socket, AF_INET), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_socket, AF_ALG), DENY);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_socket, 39), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_socket, AF_VSOCK), DENY);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_socket, 41), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_personality, 8), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_personality, 9), DENY);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_personality, 0xffffffff),
			 SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_personality, 0x100000008), DENY);
}

static void test_capabilities(void **state)
{
	autobuf struct buf p;

	(void)state;
	compile(&p, NULL, ALL_CAPS);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_mount, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_clone3, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_clone, CLONE_NEWUSER), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_keyctl, 0), DENY);
}

static void test_other_architectures(void **state)
{
	autobuf struct buf p;

	(void)state;
	compile(&p, NULL, DEFAULT_CAPS);
	assert_int_equal(run(&p, AUDIT_ARCH_I386, 3, 0), SECCOMP_RET_ALLOW); /* read */
	assert_int_equal(run(&p, AUDIT_ARCH_I386, 21, 0), DENY);             /* mount */
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, 0x40000000, 0),
			 SECCOMP_RET_ALLOW); /* x32 read */
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, 0x40000000 + SYS_mount, 0), DENY);
	assert_int_equal(run(&p, AUDIT_ARCH_AARCH64, 63, 0), SECCOMP_RET_KILL_PROCESS);
}

static void test_own_profile(void **state)
{
	static const char profile[] =
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
		"{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":13},"
		"{\"names\":[\"kill\"],\"action\":\"SCMP_ACT_KILL_PROCESS\",\"args\":["
		"{\"index\":0,\"value\":10,\"op\":\"SCMP_CMP_GE\"}]}]}";
	autobuf struct buf p;

	(void)state;
	compile(&p, profile, 0);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_mount, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_mkdir, 0), SECCOMP_RET_ERRNO | EACCES);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_kill, 9), SECCOMP_RET_ALLOW);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_kill, 10), SECCOMP_RET_KILL_PROCESS);
	assert_int_equal(run(&p, AUDIT_ARCH_X86_64, SYS_kill, 1ULL << 32),
			 SECCOMP_RET_KILL_PROCESS);
}

static void test_bad_profiles(void **state)
{
	static const char *const bad[] = {
		"{",
		"{}",
		"{\"defaultAction\":\"SCMP_ACT_NOTHING\"}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"kill\"],"
		"\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_"
		"CMP_EQ\"}]}]}",
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"kill\"],"
		"\"action\":\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":1,\"value\":1,\"op\":\"IS\"}]}]"
		"}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		autobuf struct buf p = BUF_INIT(1 << 20);
		struct error err = { 0 };

		assert_int_equal(seccomp_compile(bad[i], 0, &p, &err), -1);
		assert_int_equal(err.kind, ERR_BAD_REQUEST);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),      cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_capabilities), cmocka_unit_test(test_other_architectures),
		cmocka_unit_test(test_own_profile),  cmocka_unit_test(test_bad_profiles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
