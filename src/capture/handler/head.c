#include "capture/handler/head.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* A program header a mapping, of which a process has a million at most; the kernel's limit for
 * notes. */
enum { TABLE_MAX_BYTES = 64 << 20, NOTES_MAX_BYTES = 16 << 20, STEP_BYTES = 64 << 10 };

/* Until `bytes` of the core are there; all or an error. */
static struct ap_err *need(int fd, uint64_t bytes, struct ap_str *out)
{
	char buf[STEP_BYTES];

	while (out->n < bytes) {
		uint64_t want = bytes - out->n < sizeof(buf) ? bytes - out->n : sizeof(buf);
		ssize_t n = read(fd, buf, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return ap_err_errno(errno, "cannot read the core");
		if (n == 0)
			return ap_err_new(AP_E_FORMAT,
					  "the core ends after %zu bytes, in its headers", out->n);
		ap_str_add(out, buf, (size_t)n);
		if (out->failed)
			return &ap_err_nomem;
	}
	return NULL;
}

/* The kernel writes the notes' header first, and the notes behind the table. */
static struct ap_err *read_table(int fd, struct ap_head *head)
{
	Elf64_Ehdr eh;
	Elf64_Phdr first;

	AP_TRY(need(fd, sizeof(eh), &head->bytes));
	memcpy(&eh, head->bytes.s, sizeof(eh));
	if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
	    eh.e_type != ET_CORE || eh.e_phentsize != sizeof(first))
		return ap_err_new(AP_E_UNSUPPORTED, "this is no core of a 64-bit process");
	if (!eh.e_phnum || eh.e_phoff > TABLE_MAX_BYTES)
		return ap_err_new(AP_E_FORMAT, "the core has no program headers");
	AP_TRY(need(fd, eh.e_phoff + sizeof(first), &head->bytes));
	memcpy(&first, head->bytes.s + eh.e_phoff, sizeof(first));
	if (first.p_type != PT_NOTE || first.p_offset < eh.e_phoff + sizeof(first) ||
	    first.p_offset - eh.e_phoff > TABLE_MAX_BYTES || first.p_filesz > NOTES_MAX_BYTES)
		return ap_err_new(AP_E_FORMAT,
				  "the notes of the core are not where a kernel puts them");
	AP_TRY(need(fd, first.p_offset + first.p_filesz, &head->bytes));
	head->raw_notes = (const uint8_t *)head->bytes.s + first.p_offset;
	head->n_raw_notes = first.p_filesz;
	return NULL;
}

struct ap_err *ap_head_read(int fd, struct ap_head *ret_head)
{
	struct ap_head *head = ret_head;

	*head = (struct ap_head){0};
	ap_arena_init(&head->arena, 3 * (uint64_t)TABLE_MAX_BYTES);
	AP_TRY(read_table(fd, head));
	const uint8_t *data = (const uint8_t *)head->bytes.s;
	AP_TRY(ap_core_read_header(data, head->bytes.n, "the core", &head->arena, &head->header));
	AP_TRY(ap_core_read_notes(data, head->bytes.n, &head->header, &head->arena, &head->notes));
	head->core_bytes = ap_core_file_bytes(&head->header);
	return NULL;
}

void ap_head_close(struct ap_head *head)
{
	ap_str_close(&head->bytes);
	ap_arena_close(&head->arena);
}
