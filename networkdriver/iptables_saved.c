/* What iptables-save says of our chains and jumps: see iptables_rules.h. */
#include "networkdriver/iptables_rules.h"

#include <stdio.h>
#include <string.h>

void ipt_saved_done(struct ipt_saved *saved)
{
	for (int i = 0; i < IPT_NJUMPS; i++)
		strlist_done(&saved->jumps[i]);
}

/* -1: not one of ours. */
static int find_chain(const struct ipt_rules *r, enum ipt_table table, const char *name, size_t n)
{
	char own[IPT_NAME_SIZE];

	for (int c = 0; c < IPT_NCHAINS; c++)
		if (ipt_chains[c].table == table && ipt_is_used(r, c) &&
		    strlen(ipt_chain_name(own, r->id, c)) == n && memcmp(own, name, n) == 0)
			return c;
	return -1;
}

static bool is_jump(const struct ipt_rules *r, const struct ipt_jump *j, const char *line)
{
	const char *when = r->v6 ? j->when6 : j->when4;
	char begins[IPT_NAME_SIZE + 4], ends[IPT_NAME_SIZE + 4], name[IPT_NAME_SIZE];
	size_t n = strlen(line), b, e;

	b = (size_t)snprintf(begins, sizeof(begins), "-A %s", j->from);
	e = (size_t)snprintf(ends, sizeof(ends), " -j %s", ipt_chain_name(name, r->id, j->to));
	/* One with a condition that is not ours is somebody else's, who has his reasons. */
	if (n < b + e || (!*when && n != b + e))
		return false;
	return strncmp(line, begins, b) == 0 && line[b] == ' ' && strcmp(line + n - e, ends) == 0;
}

static void read_jump(struct ipt_saved *saved, const struct ipt_rules *r, enum ipt_table table,
		      const char *line)
{
	for (int i = 0; i < IPT_NJUMPS; i++) {
		if (ipt_jumps[i].table != table || !ipt_is_used(r, ipt_jumps[i].to) ||
		    !is_jump(r, &ipt_jumps[i], line))
			continue;
		strlist_add(&saved->jumps[i], line);
		if (i == IPT_FORWARD_TO_USER && saved->jumps[IPT_FORWARD_TO_DAEMONS].n)
			saved->forward_in_order = false;
	}
}

static void read_line(struct ipt_saved *saved, const struct ipt_rules *r, enum ipt_table table,
		      const char *line)
{
	int chain;

	if (line[0] == ':') {
		chain = find_chain(r, table, line + 1, strcspn(line + 1, " "));
		if (chain >= 0)
			saved->has[chain] = true;
	} else if (strncmp(line, "-A ", 3) == 0) {
		chain = find_chain(r, table, line + 3, strcspn(line + 3, " "));
		if (chain >= 0)
			saved->count[chain]++;
		read_jump(saved, r, table, line);
	}
}

void ipt_saved_read(struct ipt_saved *saved, const struct ipt_rules *r, const char *text)
{
	int table = IPT_NTABLES;

	*saved = (struct ipt_saved){ .forward_in_order = true };
	for (size_t n; *text; text += n + (text[n] == '\n')) {
		char line[IPT_LINE_SIZE];

		n = strcspn(text, "\n");
		if (n >= sizeof(line)) /* none of ours is as long */
			continue;
		memcpy(line, text, n);
		line[n] = '\0';
		if (line[0] == '*')
			for (table = 0; table < IPT_NTABLES; table++)
				if (strcmp(line + 1, ipt_tables[table]) == 0)
					break;
		if (table < IPT_NTABLES)
			read_line(saved, r, table, line);
	}
}

bool ipt_jump_is_right(const struct ipt_saved *saved, int jump)
{
	if (jump == IPT_FORWARD_TO_USER || jump == IPT_FORWARD_TO_DAEMONS)
		return saved->forward_in_order && saved->jumps[IPT_FORWARD_TO_USER].n == 1 &&
		       saved->jumps[IPT_FORWARD_TO_DAEMONS].n == 1;
	return saved->jumps[jump].n == 1;
}

bool ipt_saved_is_complete(const struct ipt_saved *saved, const struct ipt_rules *r)
{
	for (int c = 0; c < IPT_NCHAINS; c++) {
		if (!ipt_is_used(r, c))
			continue;
		if (!saved->has[c] || (!ipt_chains[c].shared && saved->count[c] != r->count[c]))
			return false;
	}
	for (int i = 0; i < IPT_NJUMPS; i++)
		if (ipt_is_used(r, ipt_jumps[i].to) && !ipt_jump_is_right(saved, i))
			return false;
	return true;
}
