/* Names of containers: see names.h. The words are people of science and kind adjectives. */
#include "daemon/names.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "pkg/mem.h"

static const char *const left[] = {
	"able",     "agile",   "airy",    "alert",   "amber",   "ample",     "apt",      "balmy",
	"bold",     "brave",   "breezy",  "bright",  "brisk",   "bubbly",    "calm",     "candid",
	"cheery",   "civil",   "clever",  "copper",  "cosy",    "crisp",     "curious",  "daring",
	"deft",     "dewy",    "droll",   "eager",   "earnest", "easygoing", "fabled",   "fair",
	"fearless", "fleet",   "fluent",  "fond",    "frosty",  "gallant",   "generous", "genial",
	"gentle",   "gifted",  "glad",    "golden",  "hardy",   "hearty",    "honest",   "hopeful",
	"humble",   "jaunty",  "jolly",   "keen",    "kind",    "lively",    "loyal",    "lucid",
	"mellow",   "merry",   "mighty",  "modest",  "nimble",  "noble",     "patient",  "peaceful",
	"placid",   "plucky",  "polite",  "prudent", "quick",   "quiet",     "radiant",  "ready",
	"serene",   "silver",  "sincere", "spry",    "steady",  "sunny",     "tidy",     "tranquil",
	"upbeat",   "valiant", "vivid",   "warm",    "witty",   "zesty",
};

static const char *const right[] = {
	"abel",       "agnesi",     "alhazen",    "ampere",      "anning",     "avicenna",
	"babbage",    "banach",     "banneker",   "bassi",       "becquerel",  "berzelius",
	"bohr",       "boltzmann",  "boole",      "bose",        "boyle",      "brahe",
	"cantor",     "carson",     "cauchy",     "cavendish",   "celsius",    "chandra",
	"church",     "copernicus", "cori",       "coulomb",     "curie",      "dalton",
	"darwin",     "dirac",      "edison",     "einstein",    "elion",      "euclid",
	"euler",      "faraday",    "fermat",     "fermi",       "feynman",    "fourier",
	"franklin",   "galileo",    "galois",     "gauss",       "germain",    "goedel",
	"hamilton",   "heisenberg", "herschel",   "hertz",       "hilbert",    "hodgkin",
	"hopper",     "hubble",     "huygens",    "hypatia",     "jacobi",     "joule",
	"kelvin",     "kepler",     "khayyam",    "knuth",       "lagrange",   "lamarr",
	"laplace",    "lavoisier",  "leavitt",    "leibniz",     "linnaeus",   "lovelace",
	"lyell",      "maxwell",    "mcclintock", "meitner",     "mendel",     "mendeleev",
	"mirzakhani", "napier",     "newton",     "nightingale", "noether",    "ohm",
	"pascal",     "pasteur",    "payne",      "planck",      "poincare",   "ptolemy",
	"raman",      "ramanujan",  "ride",       "riemann",     "ritchie",    "rubin",
	"rutherford", "salk",       "shannon",    "snell",       "somerville", "tesla",
	"thales",     "turing",     "volta",      "watt",        "weyl",       "wu",
	"yonath",
};

static bool is_name_char(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '.' || c == '-';
}

bool name_is_valid(const char *name)
{
	if (*name == '/')
		name++;
	if (!isalnum((unsigned char)*name) || !name[1])
		return false;
	for (name++; *name; name++)
		if (!is_name_char(*name))
			return false;
	return true;
}

char *name_canonical(const char *name)
{
	return xasprintf("/%s", *name == '/' ? name + 1 : name);
}

void name_make_up(char out[NAME_MADE_UP_SIZE], int attempt)
{
	uint32_t r[3];
	char digit[2] = "";

	while (getrandom(r, sizeof(r), 0) != (ssize_t)sizeof(r))
		; /* interrupted before the pool was ready */
	if (attempt > 0)
		digit[0] = (char)('0' + r[2] % 10);
	snprintf(out, NAME_MADE_UP_SIZE, "%s_%s%s", left[r[0] % array_size(left)],
		 right[r[1] % array_size(right)], digit);
}
