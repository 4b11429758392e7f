/* Platforms of images: see platform.h. */
#include "graph/platform.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "graph/config.h"
#include "pkg/json.h"
#include "pkg/mem.h"
#include "pkg/strlist.h"

static bool is_word(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && *s != '.' && *s != '-')
			return false;
	return true;
}

/* Other people's names of the same thing. */
static const char *architecture_of(const char *name)
{
	if (strcmp(name, "x86_64") == 0 || strcmp(name, "x86-64") == 0)
		return "amd64";
	return strcmp(name, "aarch64") == 0 ? "arm64" : name;
}

int platform_parse(const char *text, struct platform *out, struct error *err)
{
	autostrlist struct strlist parts = STRLIST_INIT;
	bool only_architecture;

	strlist_split(&parts, *text ? text : "linux", '/');
	for (size_t i = 0; i < parts.n; i++)
		if (parts.n > 3 || !is_word(parts.v[i]))
			return error_set(
				err, ERR_BAD_REQUEST,
				"\"%s\": cannot parse platform specifier: invalid argument", text);
	only_architecture = parts.n == 1 && strcmp(parts.v[0], "linux") != 0;
	if (!only_architecture && strcmp(parts.v[0], "linux") != 0)
		return error_set(err, ERR_BAD_REQUEST, "operating system \"%s\" is not supported",
				 parts.v[0]);
	out->os = xstrdup("linux");
	out->architecture = xstrdup(only_architecture ? architecture_of(parts.v[0])
				    : parts.n > 1     ? architecture_of(parts.v[1])
						      : config_architecture());
	out->variant = parts.n > 2 ? xstrdup(parts.v[2]) : NULL;
	return 0;
}

void platform_done(struct platform *p)
{
	free(p->os);
	free(p->architecture);
	free(p->variant);
	*p = (struct platform){ 0 };
}

int platform_score(const struct platform *p, const json_t *platform)
{
	const char *variant = json_get_str(platform, "variant", "");

	if (!platform)
		return 1;
	if (strcmp(json_get_str(platform, "os", ""), p->os) != 0 ||
	    strcmp(json_get_str(platform, "architecture", ""), p->architecture) != 0)
		return 0;
	if (p->variant)
		return strcmp(variant, p->variant) == 0 ? 4 : *variant ? 0 : 2;
	return *variant ? 2 : 3;
}

const json_t *platform_choose(const struct platform *p, const json_t *descriptors)
{
	const json_t *best = NULL, *d;
	int best_score = 0;
	size_t i;

	json_array_foreach(descriptors, i, d) {
		int score = platform_score(p, json_get_obj(d, "platform"));

		if (score > best_score) {
			best = d;
			best_score = score;
		}
	}
	return best;
}
