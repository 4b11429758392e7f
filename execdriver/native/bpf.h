/*
 * A small assembler for classic BPF, as seccomp runs it: code is built from the leaves up, so every
 * jump goes forward over a known length.
 */
#ifndef EXECDRIVER_NATIVE_BPF_H
#define EXECDRIVER_NATIVE_BPF_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_code {
	struct sock_filter *v;
	size_t n, cap;
};

void bpf_code_done(struct bpf_code *c);
void bpf_emit(struct bpf_code *c, unsigned short code, uint32_t k, unsigned char jt,
	      unsigned char jf);
void bpf_append(struct bpf_code *c, const struct bpf_code *more);

/* What a system call number leads to: code that ends in a return on every way. */
struct bpf_range {
	uint32_t first; /* up to the next range's first */
	struct bpf_code code;
};
/* A balanced tree over ranges that are sorted and cover everything from 0. The accumulator has the key. */
void bpf_tree(struct bpf_code *out, const struct bpf_range *r, size_t n);

/* Comparison of one 64-bit argument of a system call; falls through when it holds, else jumps to the
 * end of the block: such jumps are collected and patched by bpf_block_end(). */
enum bpf_compare {
	BPF_CMP_EQ,
	BPF_CMP_NE,
	BPF_CMP_LT,
	BPF_CMP_LE,
	BPF_CMP_GT,
	BPF_CMP_GE,
	BPF_CMP_MASKED
};
#define BPF_FAIL 255 /* jump offset that bpf_block_end() replaces */
void bpf_compare_arg(struct bpf_code *c, unsigned index, enum bpf_compare op, uint64_t value,
		     uint64_t mask);
void bpf_block_end(struct bpf_code *c, size_t start);

#endif
