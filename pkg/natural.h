/* The natural order of names: "net2" comes before "net10". */
#ifndef PKG_NATURAL_H
#define PKG_NATURAL_H

/*
 * Below, at or above 0, as strcmp(). Digits come before other characters and runs of them compare as
 * numbers; of equal numbers the one with fewer leading zeros comes first.
 */
int natural_compare(const char *a, const char *b);

#endif
