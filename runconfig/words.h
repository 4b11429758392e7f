/* Words of a Dockerfile-like line: splitting, quotes, escapes and variables. */
#ifndef RUNCONFIG_WORDS_H
#define RUNCONFIG_WORDS_H

#include "pkg/error.h"
#include "pkg/strlist.h"

/* Append the words of a line; quotes and escapes stay in them and keep white space together. */
void words_split(const char *line, struct strlist *out);

/*
 * Take quotes and escapes away and put values in: $NAME, ${NAME}, ${NAME:-word}, ${NAME:+word}. env
 * is a list of "K=V". The caller frees; NULL with ERR_BAD_REQUEST for a malformed word.
 */
char *words_expand(const char *word, const struct strlist *env, struct error *err);

#endif
