/* Go templates: a tree at work on JSON. See gotemplate.h. */
#include "pkg/gotemplate.h"

#include <string.h>

#include "pkg/gotemplate_internal.h"
#include "pkg/json.h"
#include "pkg/mem.h"

#define MAX_VARS 64
#define MAX_ARGS 32

struct run {
	json_t *dot, *data;                       /* borrowed */
	const struct gotemplate_methods *methods; /* of data, or NULL */
	struct {
		const char *name;
		json_t *value; /* a reference of its own; NULL for a missing member */
	} vars[MAX_VARS];
	size_t nvars;
	const char *missing; /* the last member that was not there */
	struct buf *out;
	struct error *err;
};

static int run_list(struct run *r, const struct gt_node *n);
static int eval_pipe(struct run *r, const struct gt_pipe *pipe, json_t **out);

static int declare(struct run *r, const char *name, json_t *value)
{
	if (r->nvars == MAX_VARS)
		return error_set(r->err, ERR_BAD_REQUEST, "template: too many variables");
	r->vars[r->nvars].name = name;
	r->vars[r->nvars++].value = json_incref(value);
	return 0;
}

static void leave_scope(struct run *r, size_t mark)
{
	while (r->nvars > mark)
		json_decref(r->vars[--r->nvars].value);
}

static json_t **find_var(struct run *r, const char *name)
{
	for (size_t i = r->nvars; i-- > 0;)
		if (strcmp(r->vars[i].name, name) == 0)
			return &r->vars[i].value;
	error_set(r->err, ERR_BAD_REQUEST, "template: :1: undefined variable \"%s\"", name);
	return NULL;
}

static int call(struct run *r, const struct gt_func *f, json_t *const *args, size_t n, json_t **out)
{
	if (n < (size_t)f->min_args || (f->max_args >= 0 && n > (size_t)f->max_args))
		return error_set(r->err, ERR_BAD_REQUEST,
				 "template: :1: wrong number of args for %s: got %zu", f->name, n);
	*out = f->run(args, n, r->err);
	return *out ? 0 : -1;
}

/* Follow .A.B from v, which is taken. A missing member is NULL, not a failure. */
static int follow(struct run *r, const struct strlist *fields, json_t *v, json_t **out)
{
	for (size_t i = 0; i < fields->n && v; i++) {
		json_t *next = json_incref(json_object_get(v, fields->v[i]));

		if (!json_is_object(v) && !json_is_null(v)) {
			json_decref(v);
			return error_set(r->err, ERR_BAD_REQUEST,
					 "template: :1: can't evaluate field %s in a value that is "
					 "not an object",
					 fields->v[i]);
		}
		if (!next)
			r->missing = fields->v[i];
		json_decref(v);
		v = next;
	}
	*out = v;
	return 0;
}

static int eval_operand(struct run *r, const struct gt_operand *o, json_t **out)
{
	json_t *v = NULL, **var;

	switch (o->kind) {
	case GT_DOT:
		v = json_incref(r->dot);
		break;
	case GT_VAR:
		var = find_var(r, o->name);
		if (!var)
			return -1;
		v = json_incref(*var);
		break;
	case GT_CONST:
		v = json_incref(o->value);
		break;
	case GT_FUNC:
		if (call(r, o->func, NULL, 0, &v) < 0)
			return -1;
		break;
	case GT_PAREN:
		if (eval_pipe(r, o->paren, &v) < 0)
			return -1;
		break;
	}
	return follow(r, &o->fields, v, out);
}

static int eval_args(struct run *r, const struct gt_operand *o, json_t **args, size_t *n)
{
	for (; o; o = o->next) {
		if (*n == MAX_ARGS)
			return error_set(r->err, ERR_BAD_REQUEST, "template: too many arguments");
		if (eval_operand(r, o, &args[*n]) < 0)
			return -1;
		++*n;
	}
	return 0;
}

/* {{.Label "x"}}: not a function, but something that data can be asked. */
static int eval_method(struct run *r, const struct gt_command *c, json_t **out)
{
	const struct gt_operand *o = c->args, *arg = o->next;
	autojson json_t *v = NULL;
	autofree char *text = NULL;

	if (r->methods && o->kind == GT_DOT && r->dot == r->data && o->fields.n == 1 &&
	    !arg->next) {
		if (eval_operand(r, arg, &v) < 0)
			return -1;
		if (json_is_string(v))
			text = r->methods->call(r->methods->self, o->fields.v[0],
						json_string_value(v));
	}
	if (!text)
		return error_set(r->err, ERR_BAD_REQUEST,
				 "template: :1: can't give argument to non-function");
	*out = json_string_nocheck(text);
	return 0;
}

/* One command; final is the value of the command before it in the pipeline, if there is one. */
static int eval_command(struct run *r, const struct gt_command *c, bool piped, json_t *final,
			json_t **out)
{
	json_t *args[MAX_ARGS + 1];
	size_t n = 0;
	int rc;

	if (c->args->kind != GT_FUNC) {
		if (c->args->next && !piped)
			return eval_method(r, c, out);
		if (piped)
			return error_set(r->err, ERR_BAD_REQUEST,
					 "template: :1: can't give argument to non-function");
		return eval_operand(r, c->args, out);
	}
	rc = eval_args(r, c->args->next, args, &n);
	if (piped)
		args[n++] = json_incref(final);
	if (rc == 0)
		rc = call(r, c->args->func, args, n, out);
	while (n)
		json_decref(args[--n]);
	return rc;
}

static int eval_pipe(struct run *r, const struct gt_pipe *pipe, json_t **out)
{
	json_t *v = NULL;

	for (const struct gt_command *c = pipe->commands; c; c = c->next) {
		json_t *next = NULL;
		int rc = eval_command(r, c, c != pipe->commands, v, &next);

		json_decref(v);
		if (rc < 0)
			return -1;
		v = next;
	}
	*out = v;
	return 0;
}

/* Evaluate, and set the variable that the pipeline declares. */
static int eval_decl(struct run *r, const struct gt_pipe *pipe, json_t **out)
{
	json_t **var;

	if (eval_pipe(r, pipe, out) < 0)
		return -1;
	if (!pipe->ndecl)
		return 0;
	if (!pipe->assign)
		return declare(r, pipe->decl[0], *out);
	var = find_var(r, pipe->decl[0]);
	if (!var)
		return -1;
	json_decref(*var);
	*var = json_incref(*out);
	return 0;
}

static int run_action(struct run *r, const struct gt_node *n)
{
	autojson json_t *v = NULL;

	if (eval_decl(r, n->pipe, &v) < 0)
		return -1;
	if (n->pipe->ndecl)
		return 0;
	if (!v)
		return error_set(r->err, ERR_BAD_REQUEST,
				 "template: :1: executing \"\" at <.%s>: map has no entry for key "
				 "\"%s\"",
				 r->missing ? r->missing : "?", r->missing ? r->missing : "?");
	gt_print(r->out, v);
	return 0;
}

static int run_condition(struct run *r, const struct gt_node *n)
{
	autojson json_t *v = NULL;
	json_t *dot = r->dot;
	size_t mark = r->nvars;
	int rc = eval_decl(r, n->pipe, &v);

	if (rc == 0 && gt_truth(v)) {
		if (n->kind == GT_WITH)
			r->dot = v;
		rc = run_list(r, n->body);
	} else if (rc == 0) {
		rc = run_list(r, n->otherwise);
	}
	r->dot = dot;
	leave_scope(r, mark);
	return rc;
}

/* One round of a range; key is taken. */
static int run_round(struct run *r, const struct gt_node *n, json_t *key, json_t *value)
{
	json_t *dot = r->dot;
	size_t mark = r->nvars;
	int rc = 0;

	if (n->pipe->ndecl == 2)
		rc = declare(r, n->pipe->decl[0], key);
	if (rc == 0 && n->pipe->ndecl)
		rc = declare(r, n->pipe->decl[n->pipe->ndecl - 1], value);
	json_decref(key);
	r->dot = value;
	if (rc == 0)
		rc = run_list(r, n->body);
	r->dot = dot;
	leave_scope(r, mark);
	return rc;
}

static int range_object(struct run *r, const struct gt_node *n, json_t *v)
{
	autostrlist struct strlist keys = STRLIST_INIT;
	int rc = 0;

	gt_keys(v, &keys);
	for (size_t i = 0; i < keys.n && rc == 0; i++)
		rc = run_round(r, n, json_string_nocheck(keys.v[i]), json_object_get(v, keys.v[i]));
	return rc;
}

static int run_range(struct run *r, const struct gt_node *n)
{
	autojson json_t *v = NULL;
	json_t *element;
	size_t i;
	int rc = 0;

	if (eval_pipe(r, n->pipe, &v) < 0)
		return -1;
	if (!gt_truth(v))
		return run_list(r, n->otherwise);
	if (json_is_object(v))
		return range_object(r, n, v);
	if (!json_is_array(v))
		return error_set(r->err, ERR_BAD_REQUEST,
				 "template: :1: range can't iterate over it");
	json_array_foreach(v, i, element) {
		rc = run_round(r, n, json_integer((json_int_t)i), element);
		if (rc < 0)
			break;
	}
	return rc;
}

static int run_node(struct run *r, const struct gt_node *n)
{
	switch (n->kind) {
	case GT_TEXT:
		buf_adds(r->out, n->text);
		return 0;
	case GT_ACTION:
		return run_action(r, n);
	case GT_IF:
	case GT_WITH:
		return run_condition(r, n);
	case GT_RANGE:
		return run_range(r, n);
	}
	return 0;
}

static int run_list(struct run *r, const struct gt_node *n)
{
	for (; n; n = n->next)
		if (run_node(r, n) < 0)
			return -1;
	return 0;
}

int gotemplate_run_with(const struct gotemplate *t, json_t *data,
			const struct gotemplate_methods *methods, struct buf *out,
			struct error *err)
{
	struct run r = { .dot = data, .data = data, .methods = methods, .out = out, .err = err };
	int rc = declare(&r, "$", data);

	if (rc == 0)
		rc = run_list(&r, t->list);
	leave_scope(&r, 0);
	return rc;
}

int gotemplate_run(const struct gotemplate *t, json_t *data, struct buf *out, struct error *err)
{
	return gotemplate_run_with(t, data, NULL, out, err);
}
