/* Go templates over JSON: fields, pipelines, blocks, functions, refusals. */
#include "pkg/gotemplate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "pkg/json.h"

static const char data[] =
	"{\"Name\":\"/web\",\"N\":3,\"Size\":1.5,\"Up\":true,\"Down\":false,\"Nil\":null,"
	"\"State\":{\"Status\":\"running\",\"Pid\":42},\"Cmd\":[\"sh\",\"-c\",\"x y\"],"
	"\"Labels\":{\"b\":\"2\",\"a\":\"1\"},\"Empty\":[],"
	"\"Ports\":{\"80/tcp\":[{\"HostPort\":\"8080\"}]}}";

/* The output, or "ERR " and the error's text. */
static const char *render(const char *text)
{
	static char out[1024];
	autobuf struct buf b = BUF_INIT(4096);
	autojson json_t *j = json_parse(data, strlen(data), NULL);
	struct error err = { 0 };
	struct gotemplate *t = gotemplate_parse(text, &err);
	int rc = t ? gotemplate_run(t, j, &b, &err) : -1;

	gotemplate_free(t);
	snprintf(out, sizeof(out), "%s%s", rc < 0 ? "ERR " : "", rc < 0 ? err.text : buf_text(&b));
	return out;
}

/* A method of the data: {{.Ask "x"}}. */
static char *ask(const void *self, const char *name, const char *arg)
{
	char *answer = malloc(64);

	snprintf(answer, 64, "%s %s", (const char *)self, arg);
	if (strcmp(name, "Ask") == 0)
		return answer;
	free(answer);
	return NULL;
}

static void test_methods(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "{{.Ask \"you\"}}", "me you" },
		{ "{{if eq (.Ask .Name) \"me /web\"}}yes{{end}}", "yes" },
		{ "{{.Ask \"a\" | upper}}", "ME A" },
		{ "{{.Tell \"you\"}}", NULL },
		{ "{{.Ask 1}}", NULL },
		{ "{{.Ask \"a\" \"b\"}}", NULL },
		{ "{{with .State}}{{.Ask \"a\"}}{{end}}", NULL },
	};
	const struct gotemplate_methods methods = { ask, "me" };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		autobuf struct buf b = BUF_INIT(4096);
		autojson json_t *j = json_parse(data, strlen(data), NULL);
		struct gotemplate *t = gotemplate_parse(rows[i].text, NULL);
		struct error err;
		int rc = gotemplate_run_with(t, j, &methods, &b, &err);

		gotemplate_free(t);
		assert_int_equal(rc, rows[i].want ? 0 : -1);
		if (rows[i].want)
			assert_string_equal(buf_text(&b), rows[i].want);
	}
}

static const struct {
	const char *text, *want;
} rows[] = {
	{ "plain", "plain" },
	{ "{{.Name}} {{.N}} {{.Size}} {{.Up}}", "/web 3 1.5 true" },
	{ "{{.State.Status}}-{{.State.Pid}}", "running-42" },
	{ "{{.Cmd}} {{.Labels}} {{.Nil}}", "[sh -c x y] map[a:1 b:2] []" },
	{ "{{json .Cmd}}", "[\"sh\",\"-c\",\"x y\"]" },
	{ "{{.Cmd | json}}", "[\"sh\",\"-c\",\"x y\"]" },
	{ "{{join .Cmd \"+\"}}", "sh+-c+x y" },
	{ "{{index .Cmd 1}} {{index .Labels \"a\"}}{{index .Labels \"none\"}}", "-c 1" },
	{ "{{len .Cmd}} {{len .Name}} {{len .Labels}}", "3 4 2" },
	{ "{{if .Up}}up{{else}}down{{end}}", "up" },
	{ "{{if .Down}}a{{else if eq .N 3}}b{{else}}c{{end}}", "b" },
	{ "{{if .Nope.Deeper}}a{{else}}b{{end}}", "b" },
	{ "{{if and .Up (gt .N 2)}}yes{{end}}{{if or .Down .Empty}}no{{end}}", "yes" },
	{ "{{if not .Down}}1{{end}}{{if ne .N 4}}2{{end}}{{if le .N 3}}3{{end}}", "123" },
	{ "{{range .Cmd}}<{{.}}>{{end}}", "<sh><-c><x y>" },
	{ "{{range $i, $c := .Cmd}}{{$i}}={{$c}};{{end}}", "0=sh;1=-c;2=x y;" },
	{ "{{range $k, $v := .Labels}}{{$k}}{{$v}}{{$.N}} {{end}}", "a13 b23 " },
	{ "{{range .Empty}}x{{else}}none{{end}}", "none" },
	{ "{{range $p, $c := .Ports}}{{$p}} -> {{(index $c 0).HostPort}}{{end}}",
	  "80/tcp -> 8080" },
	{ "{{with .State}}{{.Pid}}{{end}}", "42" },
	{ "{{$x := .N}}{{$x}}{{$x = 5}}{{$x}}", "35" },
	{ "{{printf \"%-6s|%03d|%q|%v|%%\" .State.Status .N .Name .Up}}",
	  "running|003|\"/web\"|true|%" },
	{ "{{println .N .Up}}{{print .N .N}}", "3 true\n3 3" },
	{ "{{upper .State.Status}} {{title \"ab cd\"}} {{lower \"AB\"}}", "RUNNING Ab Cd ab" },
	{ "{{range split \"a:b:c\" \":\"}}{{.}} {{end}}", "a b c " },
	{ "{{truncate .State.Status 3}}{{pad \"x\" 1 2}}.", "run x  ." },
	{ "a {{- .N -}} b", "a3b" },
	{ "x{{/* a {{comment}} */}}y", "xy" },
	{ "{{`raw \\n`}}{{\"q\\t\"}}", "raw \\nq\t" },
	{ "{{.Nope}}",
	  "ERR template: :1: executing \"\" at <.Nope>: map has no entry for key \"Nope\"" },
	{ "{{.State", "ERR template: :1: unclosed action" },
	{ "{{nosuch .N}}", "ERR template: :1: function \"nosuch\" not defined" },
	{ "{{if .N}}x", "ERR template: :1: unexpected EOF" },
	{ "x{{end}}", "ERR template: :1: unexpected {{end}}" },
	{ "{{(.N}}", "ERR template: :1: unclosed left paren" },
	{ "{{index .Cmd 9}}", "ERR template: :1: error calling index: index out of range: 9" },
	{ "{{$nope}}", "ERR template: :1: undefined variable \"$nope\"" },
	{ "{{\"abc}}", "ERR template: :1: unterminated quoted string" },
	{ "{{/* never ends", "ERR template: :1: unclosed comment" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_string_equal(render(rows[i].text), rows[i].want);
}

static void test_depth(void **state)
{
	autobuf struct buf b = BUF_INIT(1 << 16);

	(void)state;
	for (int i = 0; i < 1000; i++)
		buf_adds(&b, "{{if .N}}");
	assert_non_null(strstr(render(buf_text(&b)), "too many nested blocks"));
	buf_reset(&b);
	buf_adds(&b, "{{");
	for (int i = 0; i < 1000; i++)
		buf_addc(&b, '(');
	assert_non_null(strstr(render(buf_text(&b)), "too many nested parentheses"));
}

/* Every prefix of every row must be read or refused, never crash. */
static void test_prefixes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t n = 0; n < strlen(rows[i].text); n++) {
			char part[256];

			snprintf(part, sizeof(part), "%.*s", (int)n, rows[i].text);
			render(part);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_prefixes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
