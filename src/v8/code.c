/*
 * Compiled code: which Code a pc is in, and the builtins.
 *
 * Builtins are machine code inside the binary ("embedded blob", src/snapshot/embedded/). Since 11.3
 * every isolate may see them a second time, close to its code range, so that calls are short
 * (Heap/CodeRange::RemapEmbeddedBuiltins): the binary's pages mapped again where the kernel allows
 * it, else a copy in anonymous memory.
 */
#include "v8/frame.h"
#include "v8/v8_private.h"

enum {
	CODE_ALIGNMENT = 32,      /* of the first instruction: 32 (9.4) or 64 bytes */
	CODE_MAX_STEPS = 1 << 17, /* functions of up to 4 MB of machine code */
	CODE_MAX_BYTES = 1 << 28,
	CODE_MAX_TABLE_BYTES = 1 << 26,
	/* Searches in vain are long; after so many steps of them nothing is there to be found. */
	CODE_MAX_VAIN_STEPS = 1 << 26,
	BLOB_PAGE = 4096,
	/* The entries of the builtins that are called most stand in the first part of an isolate.
	 */
	ISOLATE_ENTRIES_BYTES = 0x1000,
	ISOLATE_ENTRIES_TRIED = 16,
	COPY_PROBE_BYTES = 48,
};

static void copy_add(struct ap_v8 *v8, ap_addr start)
{
	struct ap_v8_private *p = v8->private;

	for (size_t i = 0; i < p->builtin_copies.n; i++) {
		if (p->builtin_copies.start[i] == start)
			return;
	}
	if (p->builtin_copies.n < AP_MAX_BUILTIN_COPIES)
		p->builtin_copies.start[p->builtin_copies.n++] = start;
}

/* Where the blob's bytes stand in the file of its module. */
static bool blob_file_offset(const struct ap_v8 *v8, uint64_t *ret)
{
	size_t n;
	const Elf64_Phdr *ph = ap_elf_segments(v8->module->elf, &n);
	const struct ap_core_file *files;
	uint64_t at = v8->tables.blob_start - v8->module->bias;

	for (size_t i = 0; i < n; i++) {
		if (ph[i].p_type != PT_LOAD || at < ph[i].p_vaddr ||
		    at - ph[i].p_vaddr >= ph[i].p_filesz)
			continue;
		*ret = at - ph[i].p_vaddr + ph[i].p_offset;
		return true;
	}
	/* What an isolate of a stripped library knows is the second mapping. */
	files = ap_image_files(v8->image, &n);
	for (size_t i = 0; i < n; i++) {
		const struct ap_core_file *f = &files[i];

		if (v8->tables.blob_start < f->start || v8->tables.blob_start >= f->end ||
		    strcmp(f->path, v8->module->path) != 0)
			continue;
		*ret = v8->tables.blob_start - f->start + f->file_offset;
		return true;
	}
	return false;
}

/* The same pages of the same file at another address. */
static void copies_of_file(struct ap_v8 *v8)
{
	const struct ap_core_file *files;
	uint64_t offset;
	size_t n;

	if (!blob_file_offset(v8, &offset))
		return;
	files = ap_image_files(v8->image, &n);
	for (size_t i = 0; i < n; i++) {
		const struct ap_core_file *f = &files[i];

		if (v8->tables.blob_start >= f->start && v8->tables.blob_start < f->end)
			continue;
		if (f->end <= f->start || f->file_offset > offset ||
		    offset - f->file_offset >= f->end - f->start ||
		    strcmp(f->path, v8->module->path) != 0)
			continue;
		copy_add(v8, f->start + (offset - f->file_offset));
	}
}

/* Are the bytes at `start` those of the blob? Both ends and the middle are compared. */
static bool is_copy(const struct ap_v8 *v8, const uint8_t *blob, uint64_t blob_bytes, ap_addr start)
{
	uint8_t have[COPY_PROBE_BYTES];
	const uint64_t at[] = {0, blob_bytes / 2, blob_bytes - COPY_PROBE_BYTES};

	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		if (!ap_image_read(v8->image, start + at[i], have, sizeof(have)) ||
		    memcmp(have, blob + at[i], sizeof(have)) != 0)
			return false;
	}
	return true;
}

/*
 * A copy in anonymous memory: what an entry of the isolate's table points to also stands in the
 * blob, and the copy begins on a page as far before it.
 */
static void copies_of_isolate(struct ap_v8 *v8, ap_addr isolate)
{
	uint64_t have, blob_bytes = v8->tables.blob_end - v8->tables.blob_start;
	const uint8_t *blob = ap_image_view(v8->image, v8->tables.blob_start, &have);
	unsigned tried = 0;

	if (!blob || have < blob_bytes || blob_bytes < 2 * COPY_PROBE_BYTES)
		return;
	for (uint64_t i = 0; i < ISOLATE_ENTRIES_BYTES && tried < ISOLATE_ENTRIES_TRIED; i += 8) {
		uint8_t probe[COPY_PROBE_BYTES];
		const struct ap_segment *s;
		uint64_t w;

		if (!ap_image_u64(v8->image, isolate + i, &w) ||
		    (w >= v8->tables.blob_start && w < v8->tables.blob_end))
			continue;
		s = ap_image_segment_at(v8->image, w);
		if (!s || !(s->flags & PF_X) || (w & (CODE_ALIGNMENT - 1)) ||
		    !ap_image_read(v8->image, w, probe, sizeof(probe)))
			continue;
		tried++;
		const uint8_t *hit = memmem(blob, (size_t)blob_bytes, probe, sizeof(probe));
		if (!hit)
			continue;
		ap_addr start = w - (uint64_t)(hit - blob);
		if (start % BLOB_PAGE == v8->tables.blob_start % BLOB_PAGE &&
		    is_copy(v8, blob, blob_bytes, start)) {
			copy_add(v8, start);
			return;
		}
	}
}

/* The offset that an accessor of the Isolate reads from: `mov disp32(%rdi), ...` with or without a
 * frame. */
static bool accessor_offset(const struct ap_v8 *v8, const char *name, bool is_pointer,
			    uint32_t *ret)
{
	static const uint8_t frame[] = {0x55, 0x48, 0x89, 0xe5}, load[] = {0x48, 0x8b, 0x87};
	struct ap_symbol symbol;
	const uint8_t *p;

	if (!ap_elf_symbol_named(v8->module->elf, name, &symbol))
		return false;
	p = ap_elf_at(v8->module->elf, symbol.value, 16);
	if (!p)
		return false;
	if (memcmp(p, frame, sizeof(frame)) == 0)
		p += sizeof(frame);
	/* A 32-bit load is the same without the prefix. */
	size_t skip = is_pointer ? 0 : 1;
	if (memcmp(p, load + skip, sizeof(load) - skip) != 0)
		return false;
	memcpy(ret, p + sizeof(load) - skip, sizeof(*ret));
	return true;
}

/*
 * A stripped library tells neither where the blob begins nor how long it is; every isolate does,
 * and the accessors of those two fields are exported.
 */
static bool blob_of_isolate(struct ap_v8 *v8, ap_addr isolate)
{
	uint32_t at, at_size, bytes;
	const struct ap_segment *s;
	uint64_t start;

	if (!accessor_offset(v8, "_ZNK2v88internal7Isolate18embedded_blob_codeEv", true, &at) ||
	    !accessor_offset(v8, "_ZNK2v88internal7Isolate23embedded_blob_code_sizeEv", false,
			     &at_size) ||
	    !ap_image_u64(v8->image, isolate + at, &start) ||
	    !ap_image_u32(v8->image, isolate + at_size, &bytes))
		return false;
	s = ap_image_segment_at(v8->image, start);
	if (!s || !(s->flags & PF_X) || bytes < BLOB_PAGE || bytes > s->end - start)
		return false;
	v8->tables.blob_start = start;
	v8->tables.blob_end = start + bytes;
	return true;
}

static void copies_search(struct ap_v8 *v8)
{
	v8->private->builtin_copies.searched = true;
	for (size_t i = 0; i < v8->isolates.n && !v8->tables.blob_end; i++)
		(void)blob_of_isolate(v8, v8->isolates.at[i].address);
	if (!v8->tables.blob_end)
		return;
	copies_of_file(v8);
	for (size_t i = 0; i < v8->isolates.n && !v8->private->builtin_copies.n; i++)
		copies_of_isolate(v8, v8->isolates.at[i].address);
}

/* The address in the binary's own blob of a pc in it or in a copy. */
static bool builtin_original(struct ap_v8 *v8, ap_addr pc, ap_addr *ret)
{
	if (!v8->private->builtin_copies.searched)
		copies_search(v8);
	uint64_t bytes = v8->tables.blob_end - v8->tables.blob_start;
	if (pc - v8->tables.blob_start < bytes) {
		*ret = pc;
		return true;
	}
	for (size_t i = 0; i < v8->private->builtin_copies.n; i++) {
		uint64_t into = pc - v8->private->builtin_copies.start[i];

		if (into < bytes) {
			*ret = v8->tables.blob_start + into;
			return true;
		}
	}
	return false;
}

bool ap_is_builtin_pc(struct ap_v8 *v8, ap_addr pc)
{
	ap_addr original;

	return builtin_original(v8, pc, &original);
}

const char *ap_builtin_name(struct ap_v8 *v8, ap_addr pc, struct ap_arena *arena)
{
	static const char prefix[] = "Builtins_";
	struct ap_symbol symbol;
	ap_addr original;

	if (!builtin_original(v8, pc, &original))
		return NULL;
	/* A call that never returns may be the last instruction: its return address is one behind.
	 */
	for (uint64_t back = 0; back < 2; back++) {
		if (ap_elf_symbol_at(v8->module->elf, original - back - v8->module->bias,
				     &symbol) &&
		    strncmp(symbol.name, prefix, sizeof(prefix) - 1) == 0)
			return ap_strdup(arena, symbol.name + sizeof(prefix) - 1);
	}
	return NULL;
}

/* `code` as a Code object whose instructions are outside the binary. */
static bool code_read(struct ap_v8 *v8, ap_tagged code, ap_tagged stream, struct ap_code *ret)
{
	struct ap_code c = {.code = code};
	uint32_t size, flags;

	if (!ap_is_object(code) || !ap_v8_is(v8, code, AP_F_T_CODE) ||
	    !ap_v8_u32(v8, code, F(v8, CODE_INSTRUCTION_SIZE), &size) || size > CODE_MAX_BYTES ||
	    !ap_v8_u32(v8, code, F(v8, CODE_FLAGS), &flags))
		return false;
	if (!ap_has_fact(v8, AP_F_STREAM_INSTRUCTIONS)) {
		/* 9.4, 10.2: the instructions stand in the Code itself. */
		c.start = (code & ~3ull) + (uint64_t)F(v8, CODE_INSTRUCTION_START);
	} else {
		if (!stream && !ap_v8_word(v8, code, F(v8, CODE_INSTRUCTION_STREAM), &stream))
			return false;
		if (!ap_is_object(stream) || !ap_v8_is(v8, stream, AP_F_T_INSTRUCTION_STREAM))
			return false;
		c.start = (stream & ~3ull) + (uint64_t)F(v8, STREAM_INSTRUCTIONS);
	}
	c.end = c.start + size;
	c.kind = flags & (unsigned)F(v8, CODE_KIND_MASK);
	c.is_baseline = (int32_t)c.kind == F(v8, CODE_KIND_BASELINE);
	*ret = c;
	return true;
}

/* A return address may be the first behind the last instruction; a header stands before the next.
 */
static bool code_holds(const struct ap_code *c, ap_addr pc)
{
	return pc >= c->start && pc <= c->end;
}

/*
 * Instructions begin on an alignment, right behind the header of their heap object; going back from
 * the pc, the first header whose map is that of code and whose range holds the pc is the one.
 */
static bool code_by_pc(struct ap_v8 *v8, ap_addr pc, struct ap_code *ret)
{
	bool has_stream = ap_has_fact(v8, AP_F_STREAM_INSTRUCTIONS);
	enum ap_fact_id type = has_stream ? AP_F_T_INSTRUCTION_STREAM : AP_F_T_CODE;
	int32_t header = has_stream ? F(v8, STREAM_INSTRUCTIONS) : F(v8, CODE_INSTRUCTION_START);
	ap_addr start = pc & ~(ap_addr)(CODE_ALIGNMENT - 1);
	unsigned i;

	for (i = 0; i < CODE_MAX_STEPS && start > (ap_addr)header; i++, start -= CODE_ALIGNMENT) {
		ap_tagged object = start - (ap_addr)header + 1, code = object;
		struct ap_code found;
		uint64_t map;

		if (!ap_v8_word(v8, object, 0, &map))
			break;
		if (!ap_is_object(map) || !ap_v8_is(v8, object, type))
			continue;
		if (has_stream && !ap_v8_word(v8, object, F(v8, STREAM_CODE), &code))
			continue;
		if (!code_read(v8, code, has_stream ? object : 0, &found))
			continue;
		if (!code_holds(&found, pc))
			break; /* the pc is behind the end of the object before it */
		*ret = found;
		return true;
	}
	v8->private->vain_steps += i;
	return false;
}

bool ap_code_at(struct ap_v8 *v8, ap_tagged function, ap_addr pc, struct ap_code *ret)
{
	struct ap_code guess;
	uint64_t code;

	if (ap_is_builtin_pc(v8, pc))
		return false;
	if (function && ap_has_fact(v8, AP_F_FUNCTION_CODE) &&
	    ap_v8_word(v8, function, F(v8, FUNCTION_CODE), &code) &&
	    code_read(v8, code, 0, &guess) && code_holds(&guess, pc)) {
		*ret = guess;
		return true;
	}
	return v8->private->vain_steps < CODE_MAX_VAIN_STEPS && code_by_pc(v8, pc, ret);
}

bool ap_code_of(struct ap_v8 *v8, ap_tagged object, struct ap_code *ret)
{
	uint64_t code = object;

	if (ap_type_is_function(v8, ap_v8_type(v8, object))) {
		if (!ap_has_fact(v8, AP_F_FUNCTION_CODE) ||
		    !ap_v8_word(v8, object, F(v8, FUNCTION_CODE), &code))
			return false;
	} else if (ap_v8_is(v8, object, AP_F_T_INSTRUCTION_STREAM) &&
		   !ap_v8_word(v8, object, F(v8, STREAM_CODE), &code)) {
		return false;
	}
	return code_read(v8, code, 0, ret) && ap_image_segment_at(v8->image, ret->start) != NULL;
}

bool ap_code_is_maglev(const struct ap_v8 *v8, const struct ap_code *code)
{
	return ap_has_fact(v8, AP_F_CODE_KIND_MAGLEV) &&
	       (int32_t)code->kind == F(v8, CODE_KIND_MAGLEV);
}

/* The last kinds of all are baseline, Maglev and TurboFan (src/objects/code-kind.h). */
bool ap_code_is_optimised(const struct ap_v8 *v8, const struct ap_code *code)
{
	return (int32_t)code->kind > F(v8, CODE_KIND_BASELINE);
}

bool ap_code_table(struct ap_v8 *v8, ap_tagged array, struct ap_cursor *ret)
{
	int type = ap_v8_type(v8, array);
	int32_t length;
	uint64_t have;

	if (type < 0 || (type != F(v8, T_BYTE_ARRAY) && type != F(v8, T_TRUSTED_BYTE_ARRAY)) ||
	    !ap_v8_smi(v8, array, F(v8, FIXED_ARRAY_LENGTH), &length) || length < 0 ||
	    length > CODE_MAX_TABLE_BYTES)
		return false;
	const uint8_t *p =
		ap_image_view(v8->image, (array & ~3ull) + (uint64_t)F(v8, BYTE_ARRAY_DATA), &have);
	if (!p || have < (uint64_t)length)
		return false;
	*ret = ap_cursor_of(p, (size_t)length);
	return true;
}
