/*
 * Finding isolates: one per thread that runs JavaScript (main and workers).
 *
 * In order of preference: the thread-local variable that names the current isolate (11.3 and
 * later), the pthread key (9.4, 10.2), and a scan of writable memory for the isolate's pointer to
 * itself.
 */
#include "v8/v8_private.h"

enum {
	PTHREAD_FIRST_KEYS = 0x310, /* struct pthread of glibc 2.17 to 2.36: specific_1stblock */
	PTHREAD_N_FIRST_KEYS = 32,
	ISOLATE_HEAD_BYTES = 0x8000,
	MAX_ISOLATES = 1024,
	MAX_MARKER = 64, /* typed frames' numbers */
};

static bool isolate_plausible(struct ap_v8 *v8, ap_addr isolate)
{
	uint64_t self, root;
	int32_t at = F(v8, ISOLATE_SELF);

	if (!isolate || (isolate & 7))
		return false;
	if (!ap_image_u64(v8->image, isolate + (uint64_t)at, &self) || self != isolate)
		return false;
	/* The roots table starts with maps. */
	return ap_image_u64(v8->image, isolate + (uint64_t)F(v8, ISOLATE_ROOTS), &root) &&
	       root != 0;
}

/* A frame pointer of a typed frame: a small even marker stands below it. */
static bool is_marker_frame(const struct ap_v8 *v8, ap_addr fp, uint64_t *ret_type)
{
	uint64_t marker;

	if ((fp & 7) || !ap_image_u64(v8->image, fp - 8, &marker) || (marker & 1) ||
	    marker >= 2 * MAX_MARKER)
		return false;
	*ret_type = marker >> 1;
	return true;
}

static bool is_exit_type(const struct ap_v8 *v8, uint64_t type)
{
	static const enum ap_fact_id exits[] = {AP_F_FRAME_EXIT,
						AP_F_FRAME_BUILTIN_EXIT,
						AP_F_FRAME_API_CALLBACK_EXIT,
						AP_F_FRAME_API_NAMED_ACCESSOR_EXIT,
						AP_F_FRAME_API_CONSTRUCT_EXIT,
						AP_F_FRAME_API_INDEXED_ACCESSOR_EXIT};

	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		int32_t v = v8->profile.facts[exits[i]].value;

		if (v != AP_FACT_NONE && (uint64_t)v == type)
			return true;
	}
	return false;
}

static bool on_stack(const struct ap_v8 *v8, const struct ap_thread *thread, ap_addr a)
{
	const struct ap_segment *s = ap_image_segment_at(v8->image, thread->regs[AP_REG_RSP]);

	return s && a >= thread->regs[AP_REG_RSP] && a < s->end;
}

/*
 * ThreadLocalTop::c_entry_fp_: where the table says, if that is a stack address of this thread with
 * an exit marker, or 0 (not in C++). Else the one word of the isolate's head that is such an
 * address.
 */
static ap_addr isolate_c_entry_fp(struct ap_v8 *v8, ap_addr isolate, const struct ap_thread *thread)
{
	uint64_t w, type;
	ap_addr found = 0;

	/* On a V8 not seen before a zero proves nothing: it may be any other field. */
	if (ap_image_u64(v8->image, isolate + (uint64_t)F(v8, ISOLATE_C_ENTRY_FP), &w) &&
	    ((w == 0 && v8->profile.table_exact) ||
	     (on_stack(v8, thread, w) && is_marker_frame(v8, w, &type) &&
	      is_exit_type(v8, type)))) {
		v8->profile.facts[AP_F_ISOLATE_C_ENTRY_FP].confirmed |= w != 0;
		return w;
	}
	for (uint64_t offset = 0; offset < ISOLATE_HEAD_BYTES; offset += 8) {
		if (!ap_image_u64(v8->image, isolate + offset, &w) || !on_stack(v8, thread, w) ||
		    !is_marker_frame(v8, w, &type) || !is_exit_type(v8, type))
			continue;
		if (found && found != w)
			return 0; /* not unique: say nothing rather than something wrong */
		found = w;
		struct ap_fact *fact = &v8->profile.facts[AP_F_ISOLATE_C_ENTRY_FP];
		fact->other = fact->value;
		fact->value = (int32_t)offset;
		fact->source = AP_FACT_DISCOVERED;
	}
	return found;
}

static const struct ap_thread *thread_at(const struct ap_v8 *v8, size_t i)
{
	size_t n;
	const struct ap_thread *threads = ap_image_threads(v8->image, &n);

	return i < n ? &threads[i] : NULL;
}

static bool is_first_thread(const struct ap_v8 *v8, const struct ap_thread *thread)
{
	return thread && thread->tid == ap_image_process(v8->image)->pid;
}

static bool isolate_add(struct ap_v8 *v8, ap_addr address, size_t thread, const struct ap_thread *t)
{
	struct ap_isolate isolate = {.address = address, .thread = thread};

	for (size_t i = 0; i < v8->isolates.n; i++) {
		struct ap_isolate *known = &v8->isolates.at[i];

		if (known->address != address)
			continue;
		/* Helper threads may carry the isolate they work for (13.6): the owner is the one
		 * whose stack holds the exit frame, else the program's first thread, else the first
		 * that carries it. */
		if (t && !known->c_entry_fp) {
			ap_addr fp = isolate_c_entry_fp(v8, address, t);
			bool mine = fp || is_first_thread(v8, t);

			if (mine) {
				known->c_entry_fp = fp;
				known->thread = thread;
			}
			known->thread_guessed =
				!mine && !is_first_thread(v8, thread_at(v8, known->thread));
		}
		return true;
	}
	if (v8->isolates.n >= MAX_ISOLATES)
		return true;
	if (t)
		isolate.c_entry_fp = isolate_c_entry_fp(v8, address, t);
	return ap_vec_push(&v8->arena, &v8->isolates, isolate);
}

/* x86-64 TLS variant II: the program's own block ends at fs_base. */
static bool tls_of_program(const struct ap_v8 *v8, const struct ap_symbol *symbol,
			   uint64_t *ret_offset)
{
	size_t n;
	const Elf64_Phdr *ph = ap_elf_segments(v8->module->elf, &n);

	for (size_t i = 0; i < n; i++) {
		if (ph[i].p_type != PT_TLS)
			continue;
		uint64_t align = ph[i].p_align ? ph[i].p_align : 1;

		*ret_offset = symbol->value - (ph[i].p_memsz + align - 1) / align * align;
		return true;
	}
	return false;
}

static struct ap_err *isolates_by_tls(struct ap_v8 *v8)
{
	const struct ap_thread *threads;
	struct ap_symbol symbol;
	uint64_t offset, isolate;
	size_t n;

	if (!v8->module->is_main ||
	    !ap_elf_symbol_named(v8->module->elf, "_ZN2v88internal18g_current_isolate_E",
				 &symbol) ||
	    !tls_of_program(v8, &symbol, &offset))
		return NULL;
	threads = ap_image_threads(v8->image, &n);
	for (size_t i = 0; i < n; i++) {
		if (ap_image_u64(v8->image, threads[i].regs[AP_REG_FS_BASE] + offset, &isolate) &&
		    isolate_plausible(v8, isolate) && !isolate_add(v8, isolate, i, &threads[i]))
			return &ap_err_nomem;
	}
	return NULL;
}

static struct ap_err *isolates_by_key(struct ap_v8 *v8)
{
	const struct ap_thread *threads;
	struct ap_symbol symbol;
	uint32_t key;
	uint64_t isolate;
	size_t n;

	if (!ap_elf_symbol_named(v8->module->elf, "_ZN2v88internal7Isolate12isolate_key_E",
				 &symbol) ||
	    !ap_image_u32(v8->image, symbol.value + v8->module->bias, &key) ||
	    key >= PTHREAD_N_FIRST_KEYS)
		return NULL;
	threads = ap_image_threads(v8->image, &n);
	for (size_t i = 0; i < n; i++) {
		uint64_t self, base = threads[i].regs[AP_REG_FS_BASE];

		/* struct pthread begins with a pointer to itself; the offset is private to glibc.
		 */
		if (!ap_image_u64(v8->image, base + 0x10, &self) || self != base ||
		    !ap_image_u64(v8->image, base + PTHREAD_FIRST_KEYS + key * 16 + 8, &isolate))
			continue;
		if (isolate_plausible(v8, isolate) && !isolate_add(v8, isolate, i, &threads[i]))
			return &ap_err_nomem;
	}
	return NULL;
}

/* No symbol tells: every word that points to 8 (or 56) bytes before itself may be an isolate. */
static struct ap_err *isolates_by_scan(struct ap_v8 *v8)
{
	const struct ap_thread *threads;
	const struct ap_segment *segments;
	size_t n_segments, n_threads;
	uint64_t back = (uint64_t)F(v8, ISOLATE_SELF);

	segments = ap_image_segments(v8->image, &n_segments);
	threads = ap_image_threads(v8->image, &n_threads);
	for (size_t s = 0; s < n_segments; s++) {
		const struct ap_segment *seg = &segments[s];

		if (!seg->data || !(seg->flags & PF_W) || seg->origin != AP_SEGMENT_CORE)
			continue;
		for (uint64_t off = (8 - (seg->start & 7)) & 7; off + 8 <= seg->end - seg->start;
		     off += 8) {
			uint64_t w;

			memcpy(&w, seg->data + off, 8);
			if (w != seg->start + off - back || !isolate_plausible(v8, w))
				continue;
			bool added = false;
			for (size_t i = 0; i < n_threads && !added; i++) {
				if (!isolate_c_entry_fp(v8, w, &threads[i]))
					continue;
				if (!isolate_add(v8, w, i, &threads[i]))
					return &ap_err_nomem;
				added = true;
			}
		}
	}
	return NULL;
}

struct ap_err *ap_v8_find_isolates(struct ap_v8 *v8)
{
	AP_TRY(isolates_by_tls(v8));
	if (!v8->isolates.n)
		AP_TRY(isolates_by_key(v8));
	if (!v8->isolates.n)
		AP_TRY(isolates_by_scan(v8));
	for (size_t i = 0; i < v8->isolates.n; i++) {
		struct ap_isolate *isolate = &v8->isolates.at[i];

		isolate->is_main = is_first_thread(v8, thread_at(v8, isolate->thread));
	}
	return NULL;
}

const struct ap_isolate *ap_v8_isolate_of_thread(const struct ap_v8 *v8, size_t thread)
{
	for (size_t i = 0; i < v8->isolates.n; i++) {
		if (v8->isolates.at[i].thread == thread)
			return &v8->isolates.at[i];
	}
	return NULL;
}

bool ap_v8_is_helper(const struct ap_v8 *v8, size_t thread)
{
	for (size_t i = 0; i < v8->isolates.n; i++) {
		if (v8->isolates.at[i].thread == thread || v8->isolates.at[i].thread_guessed)
			return false;
	}
	return v8->isolates.n != 0;
}
