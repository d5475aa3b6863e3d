/*
 * What the process's memory is for, from its mappings alone: V8's pages by their headers, stacks by
 * the threads, the rest by what is mapped. Only bytes that the core holds are counted.
 */
#include "model/core_memory.h"

enum { CHUNK_BYTES = 256 * 1024 };

static bool is_heap_page(struct ap_core_model *core, ap_addr chunk, uint64_t *ret_size,
			 bool *ret_exec)
{
	struct ap_v8 *v8 = core->v8;
	ap_addr header = chunk;
	uint64_t heap, size, flags;
	const struct ap_segment *s;

	if (ap_has_fact(v8, AP_F_PAGE_METADATA) &&
	    !ap_image_u64(v8->image, chunk + (uint64_t)F(v8, PAGE_METADATA), &header))
		return false;
	if (!ap_image_u64(v8->image, header + (uint64_t)F(v8, PAGE_HEAP), &heap) ||
	    !ap_image_u64(v8->image, header + (uint64_t)F(v8, PAGE_SIZE), &size) ||
	    !ap_image_u64(v8->image, chunk + (uint64_t)F(v8, PAGE_FLAGS), &flags) || !size ||
	    size > (uint64_t)1 << 40)
		return false;
	for (size_t i = 0; i < v8->isolates.n; i++) {
		if (heap != v8->isolates.at[i].address + (uint64_t)F(v8, ISOLATE_HEAP))
			continue;
		s = ap_image_segment_at(v8->image, chunk + CHUNK_BYTES / 2);
		*ret_exec = s && (s->flags & PF_X);
		*ret_size = size;
		return true;
	}
	return false;
}

static bool is_stack(const struct ap_core_model *core, const struct ap_segment *s)
{
	size_t n;
	const struct ap_thread *threads = ap_image_threads(core->image, &n);

	for (size_t i = 0; i < n; i++) {
		if (threads[i].regs[AP_REG_RSP] >= s->start && threads[i].regs[AP_REG_RSP] < s->end)
			return true;
	}
	return false;
}

/* Bytes of V8 pages inside a segment; large pages go on past their first chunk. */
static void heap_bytes(struct ap_core_model *core, const struct ap_segment *s,
		       ap_addr *ret_page_end, uint64_t *ret_heap, uint64_t *ret_code)
{
	ap_addr at = s->start;

	while (at < s->end) {
		ap_addr chunk = at & ~(ap_addr)(CHUNK_BYTES - 1);
		uint64_t size;
		bool exec;

		if (at < *ret_page_end) {
			ap_addr stop = *ret_page_end < s->end ? *ret_page_end : s->end;

			*((s->flags & PF_X) ? ret_code : ret_heap) += stop - at;
			at = stop;
			continue;
		}
		/* A page that claims to end before us is none: going on from it would never end. */
		if (is_heap_page(core, chunk, &size, &exec) && chunk + size > at) {
			*ret_page_end = chunk + size;
			continue;
		}
		/* The next header that is more than zeros. */
		at = ap_image_next_touched(core->image, s, chunk + CHUNK_BYTES);
	}
}

struct ap_err *ap_core_memory(struct ap_core_model *core, struct ap_arena *arena,
			      struct ap_info *info)
{
	uint64_t heap = 0, code = 0, stacks = 0, native = 0, files = 0;
	ap_addr page_end = 0;
	size_t n;
	const struct ap_segment *segments = ap_image_segments(core->image, &n);

	for (size_t i = 0; i < n; i++) {
		const struct ap_segment *s = &segments[i];
		uint64_t size = s->end - s->start, in_heap = 0, in_code = 0, touched;

		if (s->origin != AP_SEGMENT_CORE)
			continue;
		if (core->v8 && ap_has_fact(core->v8, AP_F_PAGE_HEAP))
			heap_bytes(core, s, &page_end, &in_heap, &in_code);
		heap += in_heap;
		code += in_code;
		/* V8 commits whole pages; of stacks and malloc's arenas only what was touched is in
		 * use. */
		touched = ap_image_touched(core->image, s);
		size -= in_heap + in_code;
		if (size > touched)
			size = touched;
		if (s->path)
			files += size;
		else if (is_stack(core, s))
			stacks += size;
		else if ((s->flags & PF_W) && !(s->flags & PF_X) && !in_heap && !in_code)
			native += size;
	}
	const struct ap_memory_kind kinds[] = {
		{"JS heap", heap},  {"JS code", code},    {"Native", native},
		{"Stacks", stacks}, {"Libraries", files},
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (kinds[i].bytes && !ap_vec_push(arena, &info->memory, kinds[i]))
			return &ap_err_nomem;
	}
	return NULL;
}
