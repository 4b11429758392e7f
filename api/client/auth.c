/* config.json: reading and writing "auths". Other members of the file are kept as they are. */
#include "api/client/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "pkg/base64.h"
#include "pkg/fs.h"
#include "pkg/mem.h"

#define CONFIG_MAX (4 << 20)

static char *config_dir(void)
{
	const char *dir = getenv("DOCKER_CONFIG"), *home = getenv("HOME");

	return dir && *dir ? xstrdup(dir) : xasprintf("%s/.docker", home ? home : "/root");
}

/* An absent file is an empty object. NULL with err when it cannot be read. */
static json_t *load_config(struct error *err)
{
	autofree char *dir = config_dir(), *path = xasprintf("%s/config.json", dir);
	autobuf struct buf text = BUF_INIT(CONFIG_MAX);
	json_t *config;

	if (fs_read_file(AT_FDCWD, path, &text) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return json_object();
		error_sys(err, "reading %s", path);
		return NULL;
	}
	config = json_parse(buf_text(&text), text.len, err);
	if (config && json_is_object(config))
		return config;
	json_decref(config);
	error_set(err, ERR_BAD_REQUEST, "%s is not a JSON object", path);
	return NULL;
}

char *auth_server_of(const char *image)
{
	size_t n = strcspn(image, "/");
	autofree char *first = xstrndup(image, n);

	if (!image[n] || (!strpbrk(first, ".:") && strcmp(first, "localhost") != 0) ||
	    strcmp(first, "docker.io") == 0)
		return xstrdup(AUTH_DEFAULT_SERVER);
	return xstrdup(first);
}

/* {"username","password","serveraddress"} of an entry, or an empty object. */
static json_t *credentials(const char *server, const json_t *entry)
{
	const char *auth = json_get_str(entry, "auth", ""), *colon;
	const char *token = json_get_str(entry, "identitytoken", "");
	autobuf struct buf plain = BUF_INIT(1 << 16);
	json_t *out = json_object();

	if (!*auth || base64_decode(&plain, auth) < 0)
		return out;
	colon = strchr(buf_text(&plain), ':');
	if (!colon)
		return out;
	json_object_set_new_nocheck(out, "username",
				    json_stringn_nocheck(plain.p, (size_t)(colon - plain.p)));
	json_object_set_new_nocheck(out, "password", json_string_nocheck(colon + 1));
	json_object_set_new_nocheck(out, "serveraddress", json_string_nocheck(server));
	if (*token)
		json_object_set_new_nocheck(out, "identitytoken", json_string_nocheck(token));
	return out;
}

static void add_encoded(struct buf *out, const char *header, const json_t *value)
{
	autofree char *text = json_text(value);

	buf_addf(out, "%s: ", header);
	base64_encode(out, text, strlen(text), true);
	buf_adds(out, "\r\n");
}

void auth_header(struct buf *out, const char *server)
{
	autojson json_t *config = load_config(NULL), *known = NULL;

	known = credentials(server, json_get_obj(json_get_obj(config, "auths"), server));
	add_encoded(out, "X-Registry-Auth", known);
}

void auth_config_header(struct buf *out)
{
	autojson json_t *config = load_config(NULL), *all = json_object();
	const char *server;
	json_t *entry;

	json_object_foreach(json_get_obj(config, "auths"), server, entry)
		json_object_set_new_nocheck(all, server, credentials(server, entry));
	add_encoded(out, "X-Registry-Config", all);
}

static json_t *make_entry(const char *user, const char *password, const char *token)
{
	autofree char *pair = xasprintf("%s:%s", user, token ? "" : password);
	autobuf struct buf encoded = BUF_INIT(1 << 16);
	json_t *entry = json_object();

	base64_encode(&encoded, pair, strlen(pair), false);
	json_object_set_new_nocheck(entry, "auth", json_string_nocheck(buf_text(&encoded)));
	if (token)
		json_object_set_new_nocheck(entry, "identitytoken", json_string_nocheck(token));
	return entry;
}

int auth_store(const char *server, const char *user, const char *password, const char *token,
	       struct error *err)
{
	autofree char *dir = config_dir(), *path = xasprintf("%s/config.json", dir), *text = NULL;
	autojson json_t *config = load_config(err);
	json_t *auths;

	if (!config)
		return -1;
	auths = json_get_obj(config, "auths");
	if (!auths) {
		auths = json_object();
		json_object_set_new_nocheck(config, "auths", auths);
	}
	if (user)
		json_object_set_new_nocheck(auths, server, make_entry(user, password, token));
	else
		json_object_del(auths, server);
	text = json_dumps(config, JSON_INDENT(1));
	if (fs_mkdir_p(dir, 0700) < 0 ||
	    fs_save_atomic(AT_FDCWD, path, text, strlen(text), 0600, FS_SAVE_SYNC) < 0)
		return error_sys(err, "writing %s", path);
	return 0;
}
