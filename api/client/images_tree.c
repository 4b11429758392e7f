/*
 * docker images --tree and --viz: images below their parents, as lines or as a graph for Graphviz,
 * as early Docker printed them. What was pulled has no parent and is a root; what was built or
 * committed here stands below what it was made from.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/format.h"
#include "api/client/images_tree.h"
#include "pkg/mem.h"
#include "pkg/units.h"

struct node {
	const json_t *image;
	const char *id, *parent; /* parent "": none that is in the list */
	size_t place;            /* in the list, which has the newest first */
	bool shown;
};

struct tree {
	struct call *call;
	unsigned flags;
	struct node *nodes; /* the oldest first */
	size_t n;
	int (*print)(struct tree *t, const struct node *node, const char *prefix);
};

static const char *id_text(const struct tree *t, const char *id, char brief[13])
{
	return t->flags & IMAGES_TREE_NO_TRUNC ? id : short_id(brief, id);
}

static bool is_named(const struct node *node)
{
	const char *first =
		json_string_value(json_array_get(json_object_get(node->image, "RepoTags"), 0));

	return first && strcmp(first, "<none>:<none>") != 0;
}

static void add_names(struct buf *b, const struct node *node, const char *separator)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_object_get(node->image, "RepoTags"), i, v) {
		const char *name = json_is_string(v) ? json_string_value(v) : "";

		(void)buf_addf(b, "%s%s", i ? separator : "", name); /* a line is cut, if ever */
	}
}

/* "1.98 MB": early Docker left room before the unit. */
static void add_size(struct buf *b, const struct node *node)
{
	char size[UNITS_SIZE];
	size_t digits;

	units_decimal(size, (double)json_get_int(node->image, "Size", 0), 4);
	digits = strspn(size, "0123456789.");
	(void)buf_addf(b, "%.*s %s", (int)digits, size, size + digits);
}

#define LINE_MAX_BYTES (1 << 20)

static int print_line(struct tree *t, const struct node *node, const char *prefix)
{
	autobuf struct buf line = BUF_INIT(LINE_MAX_BYTES);
	char brief[13];

	(void)buf_addf(&line, "%s%s Virtual Size: ", prefix, id_text(t, node->id, brief));
	add_size(&line, node);
	if (is_named(node)) {
		(void)buf_adds(&line, " Tags: ");
		add_names(&line, node, ", ");
	}
	return job_printf(t->call->job, "%s\n", buf_text(&line));
}

static int print_node(struct tree *t, const struct node *node, const char *prefix)
{
	autobuf struct buf text = BUF_INIT(LINE_MAX_BYTES);
	char brief[13], parent[13];
	const char *id = id_text(t, node->id, brief);

	(void)prefix; /* is for lines */
	if (*node->parent)
		(void)buf_addf(&text, " \"%s\" -> \"%s\"\n", id_text(t, node->parent, parent), id);
	else
		(void)buf_addf(&text, " base -> \"%s\" [style=invis]\n", id);
	if (is_named(node)) {
		(void)buf_addf(&text, " \"%s\" [label=\"%s\\n", id, id);
		add_names(&text, node, "\\n");
		(void)buf_adds(&text, "\",shape=box,fillcolor=\"paleturquoise\","
				      "style=\"filled,rounded\"];\n");
	}
	return job_printf(t->call->job, "%s", buf_text(&text));
}

static struct node *next_child(struct tree *t, const char *parent, size_t from)
{
	for (size_t i = from; i < t->n; i++)
		if (!t->nodes[i].shown && strcmp(t->nodes[i].parent, parent) == 0)
			return &t->nodes[i];
	return NULL;
}

static int walk(struct tree *t, struct node *node, const char *prefix, bool last)
{
	autofree char *own = xasprintf("%s%s", prefix, last ? "└─" : "├─");
	autofree char *below = xasprintf("%s%s", prefix, last ? "  " : "│ ");
	struct node *child, *next;

	node->shown = true; /* once, whatever the list says */
	if (t->print(t, node, own) < 0)
		return -1;
	for (child = next_child(t, node->id, 0); child; child = next) {
		next = next_child(t, node->id, (size_t)(child - t->nodes) + 1);
		if (walk(t, child, below, !next) < 0)
			return -1;
	}
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct node *x = a, *y = b;
	long long xt = json_get_int(x->image, "Created", 0);
	long long yt = json_get_int(y->image, "Created", 0);

	if (xt != yt)
		return xt < yt ? -1 : 1;
	return x->place > y->place ? -1 : x->place < y->place;
}

static bool is_in_list(const json_t *images, const char *id)
{
	const json_t *v;
	size_t i;

	json_array_foreach(images, i, v)
		if (strcmp(json_get_str(v, "Id", ""), id) == 0)
			return true;
	return false;
}

static void read_nodes(struct tree *t, const json_t *images)
{
	const json_t *v;
	size_t i;

	t->nodes = xcalloc(json_array_size(images) + 1, sizeof(*t->nodes));
	json_array_foreach(images, i, v) {
		const char *parent = json_get_str(v, "ParentId", "");

		t->nodes[t->n++] =
			(struct node){ .image = v,
				       .place = i,
				       .id = json_get_str(v, "Id", ""),
				       .parent = is_in_list(images, parent) ? parent : "" };
	}
	qsort(t->nodes, t->n, sizeof(*t->nodes), by_age);
}

/* An id, whole or short, or one of the names; "busybox" is busybox:latest. */
static bool is_called(const struct node *node, const char *name)
{
	autofree char *latest = xasprintf("%s:latest", name);
	char brief[13];
	const json_t *v;
	size_t i;

	if (strcmp(node->id, name) == 0 || strcmp(short_id(brief, node->id), name) == 0)
		return true;
	json_array_foreach(json_object_get(node->image, "RepoTags"), i, v) {
		const char *tag = json_is_string(v) ? json_string_value(v) : "";

		if (strcmp(tag, name) == 0 || strcmp(tag, latest) == 0)
			return true;
	}
	return false;
}

static int walk_from(struct tree *t, const char *name)
{
	struct node *root, *next;

	if (name) {
		for (size_t i = 0; i < t->n; i++)
			if (is_called(&t->nodes[i], name))
				return walk(t, &t->nodes[i], "", true);
		return 0;
	}
	for (root = next_child(t, "", 0); root; root = next) {
		next = next_child(t, "", (size_t)(root - t->nodes) + 1);
		if (walk(t, root, "", !next) < 0)
			return -1;
	}
	return 0;
}

void images_tree(struct call *call, const json_t *images, const char *name, unsigned flags)
{
	bool viz = flags & IMAGES_TREE_VIZ;
	struct tree t = { .call = call, .flags = flags, .print = viz ? print_node : print_line };

	read_nodes(&t, images);
	if (viz)
		job_printf(call->job, "digraph docker {\n");
	(void)walk_from(&t, name); /* a reader that left has seen what it wanted */
	if (viz)
		job_printf(call->job, " base [style=invisible]\n}\n");
	free(t.nodes);
}
