/*
 * An error as a value: a kind that decides what happens next, and a sentence for people.
 *
 * It lives on the caller's stack; nothing is allocated and nothing must be freed. A function that
 * can fail takes a `struct error *err` last, which may be NULL when the caller does not care. It
 * is written on failure only. Setters return -1, so that `return error_set(err, ...)` reads well.
 */
#ifndef PKG_ERROR_H
#define PKG_ERROR_H

enum error_kind {
	ERR_NONE,
	ERR_NOT_MODIFIED, /* it is already so */
	ERR_BAD_REQUEST,
	ERR_UNAUTHORIZED,
	ERR_FORBIDDEN,
	ERR_NOT_FOUND,
	ERR_NOT_ACCEPTABLE,
	ERR_CONFLICT,
	ERR_INTERNAL,
	ERR_NOT_IMPLEMENTED,
	ERR_UNAVAILABLE,
	ERR_CANCELLED, /* the client hung up, or the engine shuts down */
};

struct error {
	enum error_kind kind;
	int sys; /* errno of the cause, 0 when there is none */
	char text[512];
};

/* Set kind and text. Returns -1. */
int error_set(struct error *err, enum error_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * What errno means, in small letters as clients look for it: "permission denied", "no such file or
 * directory". Valid until the same thread asks again.
 */
const char *error_words(int sys);

/* ERR_INTERNAL with ": " and the words for errno behind the text. Keeps errno in sys. Returns -1. */
int error_sys(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Put "text: " before what is there already, on the way up. Returns -1. */
int error_prefix(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
