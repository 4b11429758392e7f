/*
 * Rows of the lists of images and containers, for those who print such lists beside `docker images`
 * and `docker ps`.
 */
#ifndef API_CLIENT_ROWS_H
#define API_CLIENT_ROWS_H

#include <jansson.h>
#include <stdbool.h>

#include "api/client/format.h"

extern const struct list_column images_columns[], ps_columns[];

/* Of an element of GET /images/json, under one of its names. A new object. */
json_t *images_row(const json_t *image, const char *repository, const char *tag, const char *digest,
		   bool no_trunc);
/* Of an element of GET /containers/json. A new object. */
json_t *ps_row(const json_t *container, bool no_trunc);

#endif
