/*
 * Handles: scopes (src/handles/handles.h), global ones (src/handles/global-handles.cc) and eternal
 * ones, found by their structure; no offset of theirs is needed.
 */
#include "heap/roots.h"

enum {
	BLOCK_HANDLES = 1022, /* kHandleBlockSize */
	MAX_BLOCKS = 1 << 16,
	NODES = 256, /* NodeBlock::kBlockSize */
	NODE_BYTES = 32,
	NODE_INDEX = 10,
	NODE_FLAGS = 11,
	STATE_FREE = 0,
	STATE_STRONG = 1,
	ETERNAL_SLOTS = 256,
	MAX_ETERNAL = 1 << 22,
};

static bool pointer_at(const struct ap_root_finder *f, size_t i, uint64_t *ret, size_t n)
{
	ap_addr p = f->w[i];

	return p && !(p & 7) && ap_image_read(f->b->heap->v8->image, p, ret, n * 8);
}

/* Blocks of a HandleScopeImplementer: all full but the last, which is used up to `next`. */
bool ap_roots_handle_scopes(struct ap_root_finder *f)
{
	const struct ap_image *image = f->b->heap->v8->image;
	uint64_t p[4], last;

	for (size_t i = 0; i < f->n; i++) {
		if (!pointer_at(f, i, p, 4) || p[0] != f->isolate || !p[1] || (p[1] & 7) || !p[3] ||
		    p[3] > p[2] || p[3] > MAX_BLOCKS ||
		    !ap_image_u64(image, p[1] + 8 * (p[3] - 1), &last))
			continue;
		ap_addr limit = last + 8 * BLOCK_HANDLES;
		size_t k = 1;

		/* HandleScopeData {next, limit}: of two copies the one at the head counts. */
		while (k < f->n &&
		       !(f->w[k] == limit && f->w[k - 1] >= last && f->w[k - 1] <= limit))
			k++;
		if (k == f->n)
			continue;
		f->handle_limit = limit;
		for (uint64_t block = 0; block < p[3]; block++) {
			uint64_t start, w;

			if (!ap_image_u64(image, p[1] + 8 * block, &start))
				break;
			ap_addr end = block + 1 < p[3] ? start + 8 * BLOCK_HANDLES : f->w[k - 1];
			for (ap_addr a = start; a < end && ap_image_u64(image, a, &w); a += 8) {
				if (!ap_root_add(f, AP_ROOT_HANDLES, w, a, false))
					return true;
			}
		}
		return true;
	}
	return false;
}

static bool read_nodes(struct ap_root_finder *f, ap_addr block)
{
	const struct ap_v8 *v8 = f->b->heap->v8;
	uint8_t nodes[NODES * NODE_BYTES];
	unsigned mask = (unsigned)F(v8, GLOBAL_HANDLE_STATES);

	if (!ap_image_read(v8->image, block, nodes, sizeof(nodes)))
		return false;
	/* Each node knows its place: memory that says so 256 times is a block. */
	for (unsigned i = 0; i < NODES; i++) {
		if (nodes[i * NODE_BYTES + NODE_INDEX] != i)
			return false;
	}
	for (unsigned i = 0; i < NODES; i++) {
		unsigned state = nodes[i * NODE_BYTES + NODE_FLAGS] & mask;
		uint64_t w;

		memcpy(&w, nodes + i * NODE_BYTES, sizeof(w));
		if (state == STATE_FREE)
			continue;
		if (!ap_root_add(f, AP_ROOT_GLOBAL, w, block + i * NODE_BYTES,
				 state != STATE_STRONG))
			return true;
	}
	return true;
}

bool ap_roots_global_handles(struct ap_root_finder *f)
{
	const struct ap_image *image = f->b->heap->v8->image;
	uint64_t p[3], space[4];

	for (size_t i = 0; i < f->n; i++) {
		if (!pointer_at(f, i, p, 3) || p[0] != f->isolate)
			continue;
		for (int k = 1; k <= 2; k++) {
			if (!p[k] || (p[k] & 7) ||
			    !ap_image_read(image, p[k], space, sizeof(space)) ||
			    space[0] != f->w[i])
				continue;
			bool found = false;
			ap_addr block = space[1];

			for (int n = 0;
			     n < MAX_BLOCKS && block && !f->failed && read_nodes(f, block); n++) {
				found = true;
				if (!ap_image_u64(image, block + NODES * NODE_BYTES, &block))
					break;
			}
			if (found)
				return true;
		}
	}
	return false;
}

/* {int size, std::vector of blocks of 256}. */
static bool read_eternal(struct ap_root_finder *f, const uint64_t p[4], bool add)
{
	const struct ap_image *image = f->b->heap->v8->image;
	uint64_t size = p[0] & 0xffffffff, good = 0;

	for (uint64_t i = 0; i < size; i++) {
		uint64_t block, w;
		ap_addr slot;

		if (!ap_image_u64(image, p[1] + 8 * (i / ETERNAL_SLOTS), &block))
			return false;
		slot = block + 8 * (i % ETERNAL_SLOTS);
		if (!ap_image_u64(image, slot, &w))
			return false;
		good += ap_is_object(w) && ap_body_exists(f->b, w);
		if (add && !ap_root_add(f, AP_ROOT_ETERNAL, w, slot, false))
			return false;
	}
	return good * 10 >= size * 9;
}

bool ap_roots_eternal_handles(struct ap_root_finder *f)
{
	uint64_t p[4];

	for (size_t i = 0; i < f->n; i++) {
		if (!pointer_at(f, i, p, 4))
			continue;
		uint64_t size = p[0] & 0xffffffff;
		if (!size || size > MAX_ETERNAL || !p[1] || (p[1] & 7) || p[2] < p[1] ||
		    p[3] < p[2] || (p[2] - p[1]) / 8 != (size + ETERNAL_SLOTS - 1) / ETERNAL_SLOTS)
			continue;
		if (read_eternal(f, p, false)) {
			(void)read_eternal(f, p, true);
			return true;
		}
	}
	return false;
}
