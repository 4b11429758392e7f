/* The tree of a template, for the gotemplate*.c files alone: parse, run, functions. */
#ifndef PKG_GOTEMPLATE_INTERNAL_H
#define PKG_GOTEMPLATE_INTERNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "pkg/buf.h"
#include "pkg/error.h"
#include "pkg/strlist.h"

#define GT_MAX_DEPTH 64 /* of nested blocks and parentheses */

enum gt_operand_kind { GT_DOT, GT_VAR, GT_CONST, GT_FUNC, GT_PAREN };

/* What stands between blanks: a value, with .Field.Field behind it. */
struct gt_operand {
	enum gt_operand_kind kind;
	char *name;                 /* of a variable ("$", "$x") */
	const struct gt_func *func; /* of GT_FUNC */
	json_t *value;              /* of GT_CONST */
	struct gt_pipe *paren;
	struct strlist fields;
	struct gt_operand *next;
};

struct gt_command {
	struct gt_operand *args;
	struct gt_command *next;
};

struct gt_pipe {
	char *decl[2]; /* "$i, $v :=" */
	int ndecl;
	bool assign; /* '=' and not ':=' */
	struct gt_command *commands;
};

enum gt_node_kind { GT_TEXT, GT_ACTION, GT_IF, GT_RANGE, GT_WITH };

struct gt_node {
	enum gt_node_kind kind;
	char *text;
	struct gt_pipe *pipe;
	struct gt_node *body, *otherwise, *next;
};

struct gotemplate {
	struct gt_node *list;
};

/* args are borrowed; an element is NULL for a member that was missing. A new value, or NULL, err. */
struct gt_func {
	const char *name;
	int min_args, max_args; /* max -1: no limit */
	json_t *(*run)(json_t *const *args, size_t n, struct error *err);
};

const struct gt_func *gt_func_find(const char *name);
bool gt_truth(const json_t *v); /* as `if` sees it; NULL is false */
/* Append v as Go's print would. */
void gt_print(struct buf *out, const json_t *v);
/* The keys of an object, sorted. */
void gt_keys(const json_t *object, struct strlist *out);

#endif
