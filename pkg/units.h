/* Sizes and decimal numbers as people read and write them. Lengths of time: duration.h. */
#ifndef PKG_UNITS_H
#define PKG_UNITS_H

#include <stdint.h>

#define UNITS_SIZE 32

/* "1.24MB": powers of 1000, with so many significant digits. */
const char *units_decimal(char out[UNITS_SIZE], double bytes, int digits);
/* "1.938GiB": powers of 1024, four digits. */
const char *units_binary(char out[UNITS_SIZE], double bytes);

/* A decimal number such as "1.5" as units of 10^-9: 1500000000. 0, or -1 with EINVAL, ERANGE. */
int units_parse_nano(const char *s, int64_t *out);

#endif
