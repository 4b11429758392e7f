/*
 * Where a layer came from: graph/layers/HEX/origin, a JSON list of the blobs that hold it,
 * [{"digest": of the blob, "size": bytes, "mediaType": ..., "repository": "docker.io/library/busybox"}].
 * A push asks the registry for them before it packs the layer anew.
 */
#ifndef GRAPH_ORIGIN_H
#define GRAPH_ORIGIN_H

#define ORIGIN_FILE "origin"

#endif
