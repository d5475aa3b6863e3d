/* The list of mappings out of a file: its own, or the note of a snapshot. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <zstd.h>

#include "base/cursor.h"
#include "capture/snapshot/pmap.h"
#include "elf/core.h"

/* Headers and notes come first; of 100,000 mappings they are 20 MB. */
enum { PREFIX = 64 << 20, BLOCK = 1 << 20 };

static struct ap_err *read_plain(int fd, const char *path, struct ap_str *out)
{
	char *block = malloc(BLOCK);
	ssize_t n = 0;

	if (!block)
		return &ap_err_nomem;
	while (out->n < PREFIX && (n = read(fd, block, BLOCK)) > 0)
		ap_str_add(out, block, (size_t)n);
	free(block);
	if (n < 0)
		return ap_err_errno(errno, "cannot read %s", path);
	return out->failed ? &ap_err_nomem : NULL;
}

static struct ap_err *unpack(const struct ap_str *packed, struct ap_str *out)
{
	ZSTD_DStream *stream = ZSTD_createDStream();
	ZSTD_inBuffer in = {packed->s, packed->n, 0};
	char *block = malloc(BLOCK);
	struct ap_err *err = stream && block ? NULL : &ap_err_nomem;

	while (!err && in.pos < in.size && out->n < PREFIX) {
		ZSTD_outBuffer to = {block, BLOCK, 0};
		size_t left = ZSTD_decompressStream(stream, &to, &in);

		if (ZSTD_isError(left))
			err = ap_err_new(AP_E_FORMAT, "broken zstd data: %s",
					 ZSTD_getErrorName(left));
		else
			ap_str_add(out, block, to.pos);
	}
	free(block);
	ZSTD_freeDStream(stream);
	return !err && out->failed ? &ap_err_nomem : err;
}

static struct ap_err *find_note(const struct ap_str *core, const char *path, struct ap_text *ret)
{
	struct ap_arena arena;
	struct ap_core_header header;
	const uint8_t *data = (const uint8_t *)core->s;

	ap_arena_init(&arena, 0);
	struct ap_err *err = ap_core_read_header(data, core->n, path, &arena, &header);
	struct ap_text found = {0};
	for (size_t i = 0; !err && i < header.n_phdrs; i++) {
		const Elf64_Phdr *ph = &header.phdrs[i];

		if (ph->p_type != PT_NOTE || ph->p_offset >= core->n)
			continue;
		uint64_t have = core->n - ph->p_offset;
		struct ap_cursor c = ap_cursor_of(data + ph->p_offset,
						  ph->p_filesz < have ? ph->p_filesz : have);
		while (ap_cursor_left(&c) >= sizeof(Elf64_Nhdr)) {
			uint32_t name_bytes = ap_cursor_u32(&c), bytes = ap_cursor_u32(&c);
			uint32_t type = ap_cursor_u32(&c);
			const uint8_t *name =
				ap_cursor_bytes(&c, ((uint64_t)name_bytes + 3) & ~3ull);
			const uint8_t *desc = ap_cursor_bytes(&c, bytes);

			(void)ap_cursor_bytes(&c, -bytes & 3u);
			if (desc && type == AP_NOTE_PMAP && name_bytes == 8 &&
			    memcmp(name, "AUTOPSY", 8) == 0)
				found = (struct ap_text){(const char *)desc, bytes};
		}
	}
	ap_arena_close(&arena);
	if (!err && !found.s)
		err = ap_err_hint(ap_err_new(AP_E_UNSUPPORTED,
					     "%s does not say how large its mappings were", path),
				  "only cores made by `autopsy snapshot` do");
	*ret = found;
	return err;
}

struct ap_err *ap_pmap_load(const char *path, struct ap_pmap *ret_pmap)
{
	AP_STR_AUTO raw = {0};
	AP_STR_AUTO unpacked = {0};
	struct ap_text text;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return ap_err_errno(errno, "cannot open %s", path);
	struct ap_err *err = read_plain(fd, path, &raw);
	close(fd);
	if (err)
		return err;
	struct ap_str *in = &raw;
	if (raw.n >= 4 && memcmp(raw.s, "\x28\xb5\x2f\xfd", 4) == 0) {
		AP_TRY(unpack(&raw, &unpacked));
		in = &unpacked;
	}
	if (!in->n)
		return ap_err_new(AP_E_FORMAT, "%s is empty", path);
	text = (struct ap_text){in->s, in->n};
	if (memcmp(in->s, ELFMAG, in->n < SELFMAG ? in->n : SELFMAG) == 0)
		AP_TRY(find_note(in, path, &text));
	err = ap_pmap_parse(text.s, text.n, ret_pmap);
	return err ? ap_err_wrap(err, "%s", path) : NULL;
}
