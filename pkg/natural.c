/* The natural order of names: see natural.h. Numbers of any length are compared, none is converted. */
#include "pkg/natural.h"

#include <ctype.h>
#include <string.h>

static int sign(long n)
{
	return (n > 0) - (n < 0);
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* Two runs of digits, of na and nb characters. */
static int compare_numbers(const char *a, size_t na, const char *b, size_t nb)
{
	size_t za = strspn(a, "0"), zb = strspn(b, "0");
	int c;

	if (na - za != nb - zb)
		return na - za < nb - zb ? -1 : 1;
	c = memcmp(a + za, b + zb, na - za);
	return c ? c : sign((long)za - (long)zb);
}

int natural_compare(const char *a, const char *b)
{
	while (*a && *b) {
		size_t na = digits(a), nb = digits(b);
		int c;

		if (!na != !nb)
			return na ? -1 : 1;
		c = na ? compare_numbers(a, na, b, nb) : (unsigned char)*a - (unsigned char)*b;
		if (c)
			return sign(c);
		a += na ? na : 1;
		b += nb ? nb : 1;
	}
	return (*a != '\0') - (*b != '\0');
}
