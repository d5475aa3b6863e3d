/*
 * V8's .heapsnapshot files: read into a graph, and written from one.
 *
 * Ownership: reading hands a new graph over; writing borrows it. Neither keeps anything.
 *
 * The format names its own fields ("meta"), and V8 changed them often: whatever is needed is looked
 * up by name, so the files of Node 12 to 26 and of browsers are read alike. Files lie: counts,
 * indices and nesting are checked, and memory is taken as the input justifies it.
 */
#ifndef AP_GRAPH_SNAPSHOT_H
#define AP_GRAPH_SNAPSHOT_H

#include "base/json_read.h"
#include "graph/graph.h"

/* Reads to the end of the source. `bytes` is the length of the input, 0 if it is not known. */
struct ap_err *ap_snapshot_read(struct ap_json_source source, uint64_t bytes,
				struct ap_graph **ret_graph);

/* Where written bytes go. */
struct ap_snapshot_sink {
	struct ap_err *(*write)(void *arg, const void *data, size_t bytes);
	void *arg;
};

struct ap_snapshot_written {
	uint64_t bytes;
	uint64_t cut_sizes;   /* nodes of 4 GiB and more: DevTools' sizes have 32 bits */
	uint64_t cut_strings; /* strings shortened, for DevTools reads all of them as one */
};

/*
 * Writes the graph as a stream. Ids are the graph's own; of a core, whose ids are addresses, they
 * are odd numbers in order, as V8 gives them (even for native nodes).
 */
struct ap_err *ap_snapshot_write(const struct ap_graph *g, const struct ap_snapshot_sink *sink,
				 struct ap_snapshot_written *ret_written);

#endif
