/* pull, push, search, login, logout: what has to do with registries. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "api/client/auth.h"
#include "api/client/container.h"
#include "api/client/flag_lists.h"
#include "api/client/format.h"
#include "api/client/internal.h"
#include "api/client/progress.h"
#include "pkg/mem.h"
#include "pkg/term.h"

/* Where the tag or digest of a name begins, at its ':' or '@'; NULL when it has none. */
static const char *tag_of(const char *name)
{
	const char *last = strrchr(name, '/'), *at = strchr(name, '@');

	return at ? at : strchr(last ? last : name, ':');
}

static int stream_with_auth(struct call *call, const char *path, const char *image,
			    struct output *out, struct error *err)
{
	autobuf struct buf headers = BUF_INIT(1 << 16);
	autofree char *server = auth_server_of(image);
	struct httpc_request req = { .method = "POST", .path = path };
	struct httpc_response resp;
	int fd = out == job_err(call->job) ? STDERR_FILENO : STDOUT_FILENO;

	auth_header(&headers, server);
	req.headers = buf_text(&headers);
	if (api_begin(call->client, NULL, &req, &resp, err) < 0)
		return -1;
	return progress_show(call->client->conn, out, term_is_tty(fd), err);
}

int image_pull(struct call *call, const char *name, const char *platform, bool quiet, bool all_tags,
	       struct output *progress, struct error *err)
{
	autobuf struct buf path = BUF_INIT(1 << 16);
	const char *tag = tag_of(name);
	autofree char *repo = xstrndup(name, tag ? (size_t)(tag - name) : strlen(name));

	buf_adds(&path, "/images/create");
	api_query(&path, "fromImage", repo);
	if (!all_tags)
		api_query(&path, "tag", tag ? tag + 1 : "latest");
	if (platform)
		api_query(&path, "platform", platform);
	return stream_with_auth(call, buf_text(&path), name, quiet ? NULL : progress, err);
}

struct pull_opts {
	bool all_tags, quiet, untrusted;
	const char *platform, *tag;
};

#define AT(m) offsetof(struct pull_opts, m)
static const struct mflag pull_flags[] = {
	{ "a,-all-tags", MFLAG_BOOL, AT(all_tags), NULL, "Act on all tags of the repository",
	  NULL },
	{ "-disable-content-trust", MFLAG_BOOL, AT(untrusted), NULL, NULL, NULL },
	{ "-platform", MFLAG_STRING, AT(platform), NULL, "Platform, such as linux/arm64", NULL },
	{ "q,-quiet", MFLAG_BOOL, AT(quiet), NULL, "Show no progress", NULL },
	{ "#t,#-tag", MFLAG_STRING, AT(tag), NULL, NULL, NULL },
	{ 0 },
};

static int run_pull(struct call *call)
{
	const struct pull_opts *o = call->opts;
	autofree char *name =
		o->tag ? xasprintf("%s:%s", call->args.v[0], o->tag) : xstrdup(call->args.v[0]);
	struct error err;

	if (!tag_of(name) && !o->all_tags && !o->quiet)
		job_printf(call->job, "Using default tag: latest\n");
	if (image_pull(call, name, o->platform, o->quiet, o->all_tags, job_out(call->job), &err) <
	    0)
		return call_complain(call, &err);
	if (o->quiet)
		job_printf(call->job, "%s%s\n", name, tag_of(name) ? "" : ":latest");
	return 0;
}

const struct command_impl cmd_pull = { .run = run_pull,
				       .flags = pull_flags,
				       .opts_size = sizeof(struct pull_opts) };

static int run_push(struct call *call)
{
	const struct pull_opts *o = call->opts;
	const char *name = call->args.v[0], *tag = tag_of(name);
	autofree char *repo = xstrndup(name, tag ? (size_t)(tag - name) : strlen(name));
	autobuf struct buf path = BUF_INIT(1 << 16);
	struct error err;

	api_path(&path, "/images/", repo, "/push");
	if (!tag && !o->all_tags && !o->quiet)
		job_printf(call->job, "Using default tag: latest\n");
	if (!o->all_tags)
		api_query(&path, "tag", tag ? tag + 1 : "latest");
	if (o->platform)
		api_query(&path, "platform", o->platform);
	if (stream_with_auth(call, buf_text(&path), name, o->quiet ? NULL : job_out(call->job),
			     &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_push = { .run = run_push,
				       .flags = pull_flags,
				       .opts_size = sizeof(struct pull_opts) };

struct search_opts {
	bool no_trunc, automated, trusted;
	int64_t stars, limit;
	const char *format;
	struct strlist filter;
};

#undef AT
#define AT(m) offsetof(struct search_opts, m)
static const struct mflag search_flags[] = {
	{ "#-automated", MFLAG_BOOL, AT(automated), NULL, NULL, NULL },
	{ "f,-filter", MFLAG_LIST, AT(filter), "filter", "Show those that match NAME=VALUE",
	  flag_filter },
	{ "-format", MFLAG_STRING, AT(format), NULL, "Output by a Go template", NULL },
	{ "-limit", MFLAG_INT, AT(limit), NULL, "At most so many results", NULL },
	{ "#notrunc,-no-trunc", MFLAG_BOOL, AT(no_trunc), NULL, "Do not shorten what is shown",
	  NULL },
	{ "#s,#stars,#-stars", MFLAG_INT, AT(stars), NULL, NULL, NULL },
	{ "#t,#trusted,#-trusted", MFLAG_BOOL, AT(trusted), NULL, NULL, NULL },
	{ 0 },
};

static const struct list_column search_columns[] = {
	{ "Name", "NAME" },           { "Description", "DESCRIPTION" }, { "StarCount", "STARS" },
	{ "IsOfficial", "OFFICIAL" }, { "IsAutomated", "AUTOMATED" },   { 0 },
};

static json_t *search_row(const json_t *r, bool no_trunc)
{
	const char *text = json_get_str(r, "description", "");
	autofree char *brief = no_trunc ? xstrdup(text) : ellipsis(text, 45);

	for (char *p = brief; *p; p++)
		if (*p == '\n' || *p == '\r' || *p == '\t')
			*p = ' ';
	return json_pack("{s:s, s:s, s:s, s:s, s:I}", "Description", brief, "IsAutomated",
			 json_get_bool(r, "is_automated", false) ? "[OK]" : "", "IsOfficial",
			 json_get_bool(r, "is_official", false) ? "[OK]" : "", "Name",
			 json_get_str(r, "name", ""), "StarCount",
			 (json_int_t)json_get_int(r, "star_count", 0));
}

static int run_search(struct call *call)
{
	struct search_opts *o = call->opts;
	autobuf struct buf path = BUF_INIT(1 << 16);
	autojson json_t *reply = NULL, *rows = json_array();
	autofree char *filters = NULL;
	const json_t *r;
	struct error err;
	char number[24];
	size_t i;

	if (o->stars)
		strlist_addf(&o->filter, "stars=%lld", (long long)o->stars);
	filters = api_filters(&o->filter, &err);
	if (!filters && o->filter.n)
		return call_complain(call, &err);
	buf_adds(&path, "/images/search");
	api_query(&path, "term", call->args.v[0]);
	snprintf(number, sizeof(number), "%lld", (long long)o->limit);
	if (o->limit)
		api_query(&path, "limit", number);
	if (filters)
		api_query(&path, "filters", filters);
	if (api_get(call->client, buf_text(&path), &reply, &err) < 0)
		return call_complain(call, &err);
	json_array_foreach(reply, i, r)
		json_array_append_new(rows, search_row(r, o->no_trunc));
	if (list_print(call, o->format,
		       "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}",
		       search_columns, rows, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_search = { .run = run_search,
					 .flags = search_flags,
					 .opts_size = sizeof(struct search_opts) };

struct login_opts {
	const char *user, *password, *email;
	bool password_stdin;
};

#undef AT
#define AT(m) offsetof(struct login_opts, m)
static const struct mflag login_flags[] = {
	{ "#e,#-email", MFLAG_STRING, AT(email), NULL, NULL, NULL },
	{ "p,-password", MFLAG_STRING, AT(password), NULL, "Password", NULL },
	{ "-password-stdin", MFLAG_BOOL, AT(password_stdin), NULL, "Read the password from stdin",
	  NULL },
	{ "u,-username", MFLAG_STRING, AT(user), NULL, "User name", NULL },
	{ 0 },
};

/* A line from stdin, without echo when it is secret; NULL at the end. The caller frees it. */
static char *ask(struct call *call, const char *prompt, bool secret)
{
	struct termios old, quiet;
	bool hidden = secret && term_is_tty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &old) == 0;
	struct buf line = BUF_INIT(4096);
	char c;

	output_write(job_err(call->job), prompt, strlen(prompt));
	if (hidden) {
		quiet = old;
		quiet.c_lflag &= (tcflag_t)~ECHO;
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet); /* then it is seen, no more */
	}
	while (input_read(job_in(call->job), &c, 1) == 1 && c != '\n')
		buf_addc(&line, c);
	if (hidden) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
		output_write(job_err(call->job), "\n", 1);
	}
	return buf_take(&line);
}

static int run_login(struct call *call)
{
	const struct login_opts *o = call->opts;
	const char *server = call->args.n ? call->args.v[0] : AUTH_DEFAULT_SERVER, *token;
	autofree char *user = o->user ? xstrdup(o->user) : NULL, *password = NULL;
	autojson json_t *body = NULL, *reply = NULL;
	struct error err;

	if (!user && (o->password_stdin || !term_is_tty(STDIN_FILENO)))
		return call_fail(call, "Must provide --username with --password-stdin");
	if (!user)
		user = ask(call, "Username: ", false);
	password = o->password ? xstrdup(o->password)
			       : ask(call, o->password_stdin ? "" : "Password: ", true);
	if (!*user || !*password)
		return call_fail(call, "Error: username and password are required");
	body = json_pack("{s:s, s:s, s:s}", "username", user, "password", password, "serveraddress",
			 server);
	if (!body)
		return call_fail(call, "Error: username and password must be UTF-8");
	if (api_call(call->client, "POST", "/auth", body, &reply, &err) < 0)
		return call_complain(call, &err);
	token = json_get_str(reply, "IdentityToken", "");
	if (auth_store(server, user, password, *token ? token : NULL, &err) < 0)
		return call_complain(call, &err);
	job_printf(call->job, "%s\n", json_get_str(reply, "Status", "Login Succeeded"));
	return 0;
}

const struct command_impl cmd_login = { .run = run_login,
					.flags = login_flags,
					.opts_size = sizeof(struct login_opts) };

static int run_logout(struct call *call)
{
	const char *server = call->args.n ? call->args.v[0] : AUTH_DEFAULT_SERVER;
	struct error err;

	job_printf(call->job, "Removing login credentials for %s\n", server);
	if (auth_store(server, NULL, NULL, NULL, &err) < 0)
		return call_complain(call, &err);
	return 0;
}

const struct command_impl cmd_logout = { .run = run_logout };
