/* Go templates: from text to tree, by recursive descent. Running is in gotemplate_run.c. */
#include "pkg/gotemplate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/gotemplate_internal.h"
#include "pkg/mem.h"

enum stop { STOP_EOF, STOP_END, STOP_ELSE };

struct parser {
	const char *p;
	int depth;
	bool trim; /* the last action ended in "-}}" */
	struct error *err;
};

static struct gt_pipe *parse_pipe(struct parser *ps);
static struct gt_node *parse_list(struct parser *ps, enum stop *stop);

static void free_pipe(struct gt_pipe *pipe);

static void free_operands(struct gt_operand *o)
{
	while (o) {
		struct gt_operand *next = o->next;

		free(o->name);
		json_decref(o->value);
		free_pipe(o->paren);
		strlist_done(&o->fields);
		free(o);
		o = next;
	}
}

static void free_pipe(struct gt_pipe *pipe)
{
	if (!pipe)
		return;
	for (struct gt_command *c = pipe->commands, *next; c; c = next) {
		next = c->next;
		free_operands(c->args);
		free(c);
	}
	free(pipe->decl[0]);
	free(pipe->decl[1]);
	free(pipe);
}

static void free_nodes(struct gt_node *n)
{
	while (n) {
		struct gt_node *next = n->next;

		free(n->text);
		free_pipe(n->pipe);
		free_nodes(n->body);
		free_nodes(n->otherwise);
		free(n);
		n = next;
	}
}

static void *fail(struct parser *ps, const char *what, const char *detail)
{
	error_set(ps->err, ERR_BAD_REQUEST, "template: :1: %s%s", what, detail);
	return NULL;
}

static void skip_blanks(struct parser *ps)
{
	while (isspace((unsigned char)*ps->p))
		ps->p++;
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (isalnum((unsigned char)p[n]) || p[n] == '_')
		n++;
	return n;
}

/* At the end of an action? "}}", or "-}}" behind a blank. */
static bool at_close(const struct parser *ps)
{
	return strncmp(ps->p, "}}", 2) == 0 || strncmp(ps->p, "-}}", 3) == 0;
}

static bool parse_close(struct parser *ps)
{
	skip_blanks(ps);
	if (!at_close(ps)) {
		if (*ps->p)
			fail(ps, "unexpected text in action: ", ps->p);
		else
			fail(ps, "unclosed action", "");
		return false;
	}
	ps->trim = *ps->p == '-';
	ps->p += ps->trim ? 3 : 2;
	return true;
}

static json_t *parse_quoted(struct parser *ps)
{
	autobuf struct buf b = BUF_INIT(1 << 16);
	char quote = *ps->p++;

	while (*ps->p && *ps->p != quote) {
		char c = *ps->p++;

		if (c == '\\' && quote == '"' && *ps->p) {
			c = *ps->p++;
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c == 'r' ? '\r' : c;
		}
		if (buf_addc(&b, c) < 0)
			return fail(ps, "string too long", "");
	}
	if (!*ps->p)
		return fail(ps, "unterminated quoted string", "");
	ps->p++;
	return json_stringn_nocheck(buf_text(&b), b.len);
}

static json_t *parse_number(struct parser *ps)
{
	char *end, *real_end;
	long long n = strtoll(ps->p, &end, 0);
	double d = strtod(ps->p, &real_end);
	json_t *v = real_end > end ? json_real(d) : json_integer(n);

	ps->p = real_end > end ? real_end : end;
	return v;
}

/* An identifier: true, false, nil or a function. */
static bool parse_word(struct parser *ps, struct gt_operand *o)
{
	size_t n = word_length(ps->p);
	autofree char *word = xstrndup(ps->p, n);

	ps->p += n;
	o->kind = GT_CONST;
	if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
		o->value = json_boolean(*word == 't');
	else if (strcmp(word, "nil") == 0)
		o->value = json_null();
	if (o->value)
		return true;
	o->kind = GT_FUNC;
	o->func = gt_func_find(word);
	if (!o->func)
		error_set(ps->err, ERR_BAD_REQUEST, "template: :1: function \"%s\" not defined",
			  word);
	return o->func != NULL;
}

static bool parse_paren(struct parser *ps, struct gt_operand *o)
{
	ps->p++;
	o->kind = GT_PAREN;
	if (++ps->depth > GT_MAX_DEPTH)
		return fail(ps, "too many nested parentheses", "");
	o->paren = parse_pipe(ps);
	ps->depth--;
	if (!o->paren)
		return false;
	skip_blanks(ps);
	if (*ps->p != ')')
		return fail(ps, "unclosed left paren", "");
	ps->p++;
	return true;
}

static bool parse_head(struct parser *ps, struct gt_operand *o)
{
	char c = *ps->p;

	if (c == '.') {
		o->kind = GT_DOT;
		if (!word_length(ps->p + 1))
			ps->p++;
		return true;
	}
	if (c == '$') {
		size_t n = 1 + word_length(ps->p + 1);

		o->kind = GT_VAR;
		o->name = xstrndup(ps->p, n);
		ps->p += n;
		return true;
	}
	o->kind = GT_CONST;
	if (c == '"' || c == '`')
		return (o->value = parse_quoted(ps)) != NULL;
	if (isdigit((unsigned char)c) || (c == '-' && isdigit((unsigned char)ps->p[1])))
		return (o->value = parse_number(ps)) != NULL;
	if (c == '(')
		return parse_paren(ps, o);
	if (word_length(ps->p))
		return parse_word(ps, o);
	return fail(ps, *ps->p ? "unexpected character in action: " : "unclosed action", ps->p);
}

static struct gt_operand *parse_operand(struct parser *ps)
{
	struct gt_operand *o = xcalloc(1, sizeof(*o));
	size_t n;

	if (!parse_head(ps, o)) {
		free_operands(o);
		return NULL;
	}
	while (*ps->p == '.' && (n = word_length(ps->p + 1))) {
		strlist_take(&o->fields, xstrndup(ps->p + 1, n));
		ps->p += 1 + n;
	}
	return o;
}

static struct gt_command *parse_command(struct parser *ps)
{
	struct gt_command *c = xcalloc(1, sizeof(*c));
	struct gt_operand **tail = &c->args;

	for (;;) {
		skip_blanks(ps);
		if (at_close(ps) || !*ps->p || *ps->p == '|' || *ps->p == ')')
			break;
		*tail = parse_operand(ps);
		if (!*tail)
			goto undo;
		tail = &(*tail)->next;
	}
	if (c->args)
		return c;
	fail(ps, *ps->p ? "missing value for command" : "unclosed action", "");
undo:
	free_operands(c->args);
	free(c);
	return NULL;
}

/* "$x :=", "$i, $v :=", "$x =" in front of a pipeline; nothing is consumed when it is none. */
static void parse_declaration(struct parser *ps, struct gt_pipe *pipe)
{
	const char *p = ps->p, *name[2];
	size_t n[2];
	int count = 0;

	while (*p == '$' && count < 2) {
		name[count] = p;
		n[count] = 1 + word_length(p + 1);
		p += n[count++];
		p += strspn(p, " \t\n");
		if (*p != ',')
			break;
		p += 1 + strspn(p + 1, " \t\n");
	}
	if (!count || (strncmp(p, ":=", 2) != 0 && (p[0] != '=' || count > 1)))
		return;
	pipe->assign = *p == '=';
	pipe->ndecl = count;
	for (int i = 0; i < count; i++)
		pipe->decl[i] = xstrndup(name[i], n[i]);
	ps->p = p + (pipe->assign ? 1 : 2);
}

static struct gt_pipe *parse_pipe(struct parser *ps)
{
	struct gt_pipe *pipe = xcalloc(1, sizeof(*pipe));
	struct gt_command **tail = &pipe->commands;

	skip_blanks(ps);
	parse_declaration(ps, pipe);
	for (;;) {
		*tail = parse_command(ps);
		if (!*tail) {
			free_pipe(pipe);
			return NULL;
		}
		tail = &(*tail)->next;
		if (*ps->p != '|')
			return pipe;
		ps->p++;
	}
}

static bool take_word(struct parser *ps, const char *word)
{
	size_t n = strlen(word);

	skip_blanks(ps);
	if (strncmp(ps->p, word, n) != 0 || word_length(ps->p) != n)
		return false;
	ps->p += n;
	return true;
}

/* Behind "if", "range" or "with": the pipeline, the body, else, end. */
static struct gt_node *parse_block(struct parser *ps, enum gt_node_kind kind)
{
	struct gt_node *n = xcalloc(1, sizeof(*n));
	enum stop stop;

	n->kind = kind;
	if (++ps->depth > GT_MAX_DEPTH) {
		fail(ps, "too many nested blocks", "");
		goto undo;
	}
	n->pipe = parse_pipe(ps);
	if (!n->pipe || !parse_close(ps))
		goto undo;
	n->body = parse_list(ps, &stop);
	if (ps->err->kind != ERR_NONE)
		goto undo;
	if (stop == STOP_ELSE && take_word(ps, "if")) {
		n->otherwise = parse_block(ps, GT_IF);
		if (!n->otherwise)
			goto undo;
		stop = STOP_END;
	} else if (stop == STOP_ELSE) {
		if (parse_close(ps))
			n->otherwise = parse_list(ps, &stop);
		if (ps->err->kind != ERR_NONE)
			goto undo;
	}
	if (stop != STOP_END) {
		fail(ps, stop == STOP_EOF ? "unexpected EOF" : "unexpected {{else}}", "");
		goto undo;
	}
	ps->depth--;
	return n;
undo:
	free_nodes(n);
	return NULL;
}

static struct gt_node *parse_action(struct parser *ps, enum stop *stop)
{
	struct gt_node *n;

	if (take_word(ps, "end")) {
		*stop = STOP_END;
		parse_close(ps);
		return NULL;
	}
	if (take_word(ps, "else")) {
		*stop = STOP_ELSE; /* the caller reads what follows */
		return NULL;
	}
	if (take_word(ps, "if"))
		return parse_block(ps, GT_IF);
	if (take_word(ps, "range"))
		return parse_block(ps, GT_RANGE);
	if (take_word(ps, "with"))
		return parse_block(ps, GT_WITH);
	n = xcalloc(1, sizeof(*n));
	n->kind = GT_ACTION;
	n->pipe = parse_pipe(ps);
	if (n->pipe && parse_close(ps))
		return n;
	free_nodes(n);
	return NULL;
}

static struct gt_node *text_node(struct parser *ps, const char *end, bool trim_end)
{
	const char *p = ps->p;
	struct gt_node *n;

	while (ps->trim && p < end && isspace((unsigned char)*p))
		p++;
	while (trim_end && end > p && isspace((unsigned char)end[-1]))
		end--;
	ps->trim = false;
	if (p == end)
		return NULL;
	n = xcalloc(1, sizeof(*n));
	n->kind = GT_TEXT;
	n->text = xstrndup(p, (size_t)(end - p));
	return n;
}

/* A comment behind "{{"? It is consumed with its end; false with err set when it has none. */
static bool skip_comment(struct parser *ps)
{
	const char *end;

	if (strncmp(ps->p, "/*", 2) != 0)
		return false;
	end = strstr(ps->p + 2, "*/");
	if (!end) {
		fail(ps, "unclosed comment", "");
		return true;
	}
	ps->p = end + 2;
	parse_close(ps);
	return true;
}

/* Nodes up to the end of the text, {{end}} or {{else}}. Failed when err has a kind. */
static struct gt_node *parse_list(struct parser *ps, enum stop *stop)
{
	struct gt_node *list = NULL, **tail = &list;

	*stop = STOP_EOF;
	while (*ps->p && ps->err->kind == ERR_NONE) {
		const char *open = strstr(ps->p, "{{");
		bool trim = open && open[2] == '-' && isspace((unsigned char)open[3]);

		*tail = text_node(ps, open ? open : ps->p + strlen(ps->p), trim);
		if (*tail)
			tail = &(*tail)->next;
		if (!open) {
			ps->p += strlen(ps->p);
			break;
		}
		ps->p = open + (trim ? 4 : 2);
		if (skip_comment(ps))
			continue;
		*tail = parse_action(ps, stop);
		if (!*tail)
			return list;
		tail = &(*tail)->next;
	}
	return list;
}

struct gotemplate *gotemplate_parse(const char *text, struct error *err)
{
	struct error why = { .kind = ERR_NONE };
	struct parser ps = { .p = text, .err = &why };
	struct gotemplate *t = xcalloc(1, sizeof(*t));
	enum stop stop;

	t->list = parse_list(&ps, &stop);
	if (why.kind == ERR_NONE && stop != STOP_EOF)
		fail(&ps, "unexpected ", stop == STOP_END ? "{{end}}" : "{{else}}");
	if (why.kind == ERR_NONE)
		return t;
	if (err)
		*err = why;
	gotemplate_free(t);
	return NULL;
}

void gotemplate_free(struct gotemplate *t)
{
	if (!t)
		return;
	free_nodes(t->list);
	free(t);
}
