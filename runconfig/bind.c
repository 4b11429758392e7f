/*
 * "src:dst[:opts]", "name:dst[:opts]" and "dst", as --volume and Binds have them; and the modes of
 * --volumes-from. Grammar and sentences are Docker's.
 */
#include <string.h>

#include "pkg/mem.h"
#include "runconfig/runconfig.h"

enum mode_group {
	GROUP_ACCESS,
	GROUP_LABEL,
	GROUP_PROPAGATION,
	GROUP_COPY,
	GROUP_CONSISTENCY,
	GROUPS
};

static const struct {
	const char *word;
	enum mode_group group;
} mode_words[] = {
	{ "rw", GROUP_ACCESS },
	{ "ro", GROUP_ACCESS },
	{ "z", GROUP_LABEL },
	{ "Z", GROUP_LABEL },
	{ "private", GROUP_PROPAGATION },
	{ "rprivate", GROUP_PROPAGATION },
	{ "slave", GROUP_PROPAGATION },
	{ "rslave", GROUP_PROPAGATION },
	{ "shared", GROUP_PROPAGATION },
	{ "rshared", GROUP_PROPAGATION },
	{ "nocopy", GROUP_COPY },
	{ "consistent", GROUP_CONSISTENCY },
	{ "cached", GROUP_CONSISTENCY },
	{ "delegated", GROUP_CONSISTENCY },
};

/* What a mode says, a word of each group at most; borrowed from the table. */
struct mode {
	const char *said[GROUPS];
};

static bool mode_parse(const char *text, struct mode *out)
{
	autostrlist struct strlist words = STRLIST_INIT;

	*out = (struct mode){ 0 };
	if (!*text)
		return true;
	strlist_split(&words, text, ',');
	for (size_t i = 0; i < words.n; i++) {
		size_t k = 0;

		while (k < array_size(mode_words) && strcmp(mode_words[k].word, words.v[i]) != 0)
			k++;
		if (k == array_size(mode_words) || out->said[mode_words[k].group])
			return false;
		out->said[mode_words[k].group] = mode_words[k].word;
	}
	return true;
}

static int invalid_spec(const char *spec, struct error *err)
{
	return error_set(err, ERR_BAD_REQUEST, "invalid volume specification: '%s'", spec);
}

/* "/a//b/./c/../d/" -> "/a/b/d", for absolute paths. The caller frees. */
char *runconfig_path_clean(const char *path)
{
	autostrlist struct strlist parts = STRLIST_INIT, kept = STRLIST_INIT;
	char *out = xmalloc(strlen(path) + 2), *p = out;

	strlist_split(&parts, path, '/');
	for (size_t i = 0; i < parts.n; i++) {
		if (!*parts.v[i] || strcmp(parts.v[i], ".") == 0)
			continue;
		if (strcmp(parts.v[i], "..") != 0)
			strlist_add(&kept, parts.v[i]);
		else if (kept.n)
			free(kept.v[--kept.n]), kept.v[kept.n] = NULL;
	}
	for (size_t i = 0; i < kept.n; i++) {
		size_t n = strlen(kept.v[i]);

		*p++ = '/';
		memcpy(p, kept.v[i], n);
		p += n;
	}
	if (p == out)
		*p++ = '/';
	*p = '\0';
	return out;
}

static bool is_root(const char *path)
{
	autofree char *clean = runconfig_path_clean(path);

	return *path == '/' && strcmp(clean, "/") == 0;
}

/* Split into at most three parts; NULL when the number of parts makes no sense. */
static int split_spec(const char *spec, struct strlist *parts, struct error *err)
{
	struct mode mode;

	strlist_split(parts, spec, ':');
	if (parts->n > 3 || !*parts->v[0])
		return invalid_spec(spec, err);
	if (parts->n == 2 && mode_parse(parts->v[1], &mode))
		return invalid_spec(spec,
				    err); /* "/dst:ro": a volume has no mode without a source */
	return 0;
}

static int check_target(const char *spec, const char *type, const char *target, struct error *err)
{
	if (!*target)
		error_set(err, ERR_BAD_REQUEST, "field Target must not be empty");
	else if (is_root(target))
		error_set(err, ERR_BAD_REQUEST, "invalid specification: destination can't be '/'");
	else if (*target != '/')
		error_set(err, ERR_BAD_REQUEST,
			  "invalid mount path: '%s' mount path must be absolute", target);
	else
		return 0;
	return error_prefix(
		err, "invalid volume specification: '%s': invalid mount config for type \"%s\"",
		spec, type);
}

static int check_options(const char *spec, const char *source, const struct mode *mode,
			 struct error *err)
{
	bool is_path = *source == '/';

	if (!is_path && mode->said[GROUP_PROPAGATION])
		return error_set(
			err, ERR_BAD_REQUEST,
			"invalid volume specification: '%s': invalid mount config for type "
			"\"volume\": field BindOptions must not be specified",
			spec);
	if (is_path && mode->said[GROUP_COPY])
		return error_set(
			err, ERR_BAD_REQUEST,
			"invalid volume specification: '%s': invalid mount config for type "
			"\"bind\": field VolumeOptions must not be specified",
			spec);
	return 0;
}

static bool is_volume_name(const char *s)
{
	static const char first[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	static const char more[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	return *s && strchr(first, *s) && s[strspn(s, more)] == '\0' && s[1];
}

static int check_name(const char *name, struct error *err)
{
	if (*name && !name[1])
		return error_set(err, ERR_BAD_REQUEST,
				 "create %s: volume name is too short, names should be at least "
				 "two alphanumeric characters",
				 name);
	if (!is_volume_name(name))
		return error_set(err, ERR_BAD_REQUEST,
				 "create %s: \"%s\" includes invalid characters for a local volume "
				 "name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you "
				 "intended to pass a host directory, use absolute path",
				 name, name);
	return 0;
}

int runconfig_bind_parse(const char *spec, struct runconfig_bind *out, struct error *err)
{
	autostrlist struct strlist parts = STRLIST_INIT;
	const char *source, *target, *mode_text;
	bool is_path;
	struct mode mode;

	if (split_spec(spec, &parts, err) < 0)
		return -1;
	source = parts.n > 1 ? parts.v[0] : "";
	target = parts.n > 1 ? parts.v[1] : parts.v[0];
	mode_text = parts.n > 2 ? parts.v[2] : "";
	is_path = *source == '/';
	if (!mode_parse(mode_text, &mode))
		return error_set(err, ERR_BAD_REQUEST, "invalid mode: %s", mode_text);
	if (check_target(spec, is_path ? "bind" : "volume", target, err) < 0 ||
	    check_options(spec, source, &mode, err) < 0 ||
	    (*source && !is_path && check_name(source, err) < 0))
		return -1;
	*out = (struct runconfig_bind){
		.target = runconfig_path_clean(target),
		.mode = xstrdup(mode_text),
		.is_path = is_path,
		.readonly = mode.said[GROUP_ACCESS] && strcmp(mode.said[GROUP_ACCESS], "ro") == 0,
		.nocopy = mode.said[GROUP_COPY] != NULL,
	};
	if (*source)
		out->source = is_path ? runconfig_path_clean(source) : xstrdup(source);
	if (mode.said[GROUP_PROPAGATION])
		out->propagation = xstrdup(mode.said[GROUP_PROPAGATION]);
	return 0;
}

void runconfig_bind_done(struct runconfig_bind *b)
{
	free(b->source);
	free(b->target);
	free(b->mode);
	free(b->propagation);
	*b = (struct runconfig_bind){ 0 };
}

int runconfig_volumes_from_parse(const char *spec, char **container, bool *readonly,
				 struct error *err)
{
	const char *colon = strchr(spec, ':'), *text = colon ? colon + 1 : "";
	struct mode mode;

	if (!*spec)
		return error_set(err, ERR_BAD_REQUEST,
				 "volumes-from specification cannot be an empty string");
	if (!mode_parse(text, &mode) || mode.said[GROUP_PROPAGATION] || mode.said[GROUP_COPY])
		return error_set(err, ERR_BAD_REQUEST, "invalid mode: %s", text);
	*container = xstrndup(spec, colon ? (size_t)(colon - spec) : strlen(spec));
	*readonly = mode.said[GROUP_ACCESS] && strcmp(mode.said[GROUP_ACCESS], "ro") == 0;
	return 0;
}
