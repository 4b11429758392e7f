/* A small assembler for classic BPF: see bpf.h. */
#include "execdriver/native/bpf.h"

#include <linux/seccomp.h>

#include "pkg/mem.h"

void bpf_code_done(struct bpf_code *c)
{
	free(c->v);
	*c = (struct bpf_code){ 0 };
}

void bpf_emit(struct bpf_code *c, unsigned short code, uint32_t k, unsigned char jt,
	      unsigned char jf)
{
	if (c->n == c->cap) {
		c->cap = c->cap ? c->cap * 2 : 16;
		c->v = xrealloc(c->v, c->cap * sizeof(*c->v));
	}
	c->v[c->n++] = (struct sock_filter){ code, jt, jf, k };
}

void bpf_append(struct bpf_code *c, const struct bpf_code *more)
{
	for (size_t i = 0; i < more->n; i++)
		bpf_emit(c, more->v[i].code, more->v[i].k, more->v[i].jt, more->v[i].jf);
}

void bpf_tree(struct bpf_code *out, const struct bpf_range *r, size_t n)
{
	struct bpf_code left = { 0 };
	size_t half = n / 2;

	if (n == 1) {
		bpf_append(out, &r->code);
		return;
	}
	bpf_tree(&left, r, half);
	if (left.n < 255) {
		bpf_emit(out, BPF_JMP | BPF_JGE | BPF_K, r[half].first, (unsigned char)left.n, 0);
	} else {
		bpf_emit(out, BPF_JMP | BPF_JGE | BPF_K, r[half].first, 0, 1);
		bpf_emit(out, BPF_JMP | BPF_JA, (uint32_t)left.n, 0, 0);
	}
	bpf_append(out, &left);
	bpf_code_done(&left);
	bpf_tree(out, r + half, n - half);
}

static void load_half(struct bpf_code *c, unsigned index, unsigned high)
{
	size_t low_first = offsetof(struct seccomp_data, args) + index * sizeof(uint64_t);

	bpf_emit(c, BPF_LD | BPF_W | BPF_ABS, (uint32_t)(low_first + high * 4), 0, 0);
}

static void jump(struct bpf_code *c, unsigned short op, uint32_t k, unsigned char jt,
		 unsigned char jf)
{
	bpf_emit(c, (unsigned short)(BPF_JMP | op | BPF_K), k, jt, jf);
}

void bpf_compare_arg(struct bpf_code *c, unsigned index, enum bpf_compare op, uint64_t value,
		     uint64_t mask)
{
	uint32_t hi = (uint32_t)(value >> 32), lo = (uint32_t)value;

	load_half(c, index, 1);
	switch (op) {
	case BPF_CMP_EQ:
		jump(c, BPF_JEQ, hi, 0, BPF_FAIL);
		load_half(c, index, 0);
		jump(c, BPF_JEQ, lo, 0, BPF_FAIL);
		break;
	case BPF_CMP_NE:
		jump(c, BPF_JEQ, hi, 0, 2);
		load_half(c, index, 0);
		jump(c, BPF_JEQ, lo, BPF_FAIL, 0);
		break;
	case BPF_CMP_LT:
	case BPF_CMP_LE:
		jump(c, BPF_JGT, hi, BPF_FAIL, 0);
		jump(c, BPF_JEQ, hi, 0, 2);
		load_half(c, index, 0);
		jump(c, op == BPF_CMP_LT ? BPF_JGE : BPF_JGT, lo, BPF_FAIL, 0);
		break;
	case BPF_CMP_GT:
	case BPF_CMP_GE:
		jump(c, BPF_JGT, hi, 3, 0);
		jump(c, BPF_JEQ, hi, 0, BPF_FAIL);
		load_half(c, index, 0);
		jump(c, op == BPF_CMP_GT ? BPF_JGT : BPF_JGE, lo, 0, BPF_FAIL);
		break;
	case BPF_CMP_MASKED:
		bpf_emit(c, BPF_ALU | BPF_AND | BPF_K, (uint32_t)(mask >> 32), 0, 0);
		jump(c, BPF_JEQ, hi, 0, BPF_FAIL);
		load_half(c, index, 0);
		bpf_emit(c, BPF_ALU | BPF_AND | BPF_K, (uint32_t)mask, 0, 0);
		jump(c, BPF_JEQ, lo, 0, BPF_FAIL);
		break;
	}
}

void bpf_block_end(struct bpf_code *c, size_t start)
{
	for (size_t i = start; i < c->n; i++) {
		struct sock_filter *f = &c->v[i];

		if (BPF_CLASS(f->code) != BPF_JMP)
			continue;
		if (f->jt == BPF_FAIL)
			f->jt = (unsigned char)(c->n - i - 1);
		if (f->jf == BPF_FAIL)
			f->jf = (unsigned char)(c->n - i - 1);
	}
}
