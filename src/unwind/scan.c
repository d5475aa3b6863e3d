#include "unwind/scan.h"

#include "unwind/frame_pointer.h"

/* abort() and raise() take some 300 bytes, a formatted message 2 kB more. */
enum { SCAN_WORDS = 1024 };

struct scan {
	const struct ap_image *image;
	bool (*is_known)(void *arg, ap_addr pc);
	void *arg;
	ap_addr start;
	const uint8_t *words; /* the stack from `start` */
	size_t n;
};

static uint64_t scan_word(const struct scan *s, size_t i)
{
	uint64_t v;

	memcpy(&v, s->words + 8 * i, sizeof(v));
	return v;
}

/*
 * A frame pointer of a frame that lies above word `i`: it points to a link and a return address.
 * The link itself may be anything where the caller keeps no frame pointers (main's is the C
 * library).
 */
static bool scan_is_fp(const struct scan *s, size_t i, uint64_t fp)
{
	uint64_t link[2];

	return fp % 16 == 0 && fp > s->start + 8 * i && fp - s->start < 1u << 20 &&
	       ap_image_read(s->image, fp, link, sizeof(link)) &&
	       ap_is_return_address(s->image, link[1]);
}

/*
 * rbp of the frame whose call left its return address in word `i`: the code called did not touch
 * it, or has saved it below that word; failing that, the next thing on the stack that looks like a
 * frame.
 */
static bool scan_find_fp(const struct scan *s, size_t i, const struct ap_dw_regs *regs,
			 uint64_t *ret_fp)
{
	uint64_t fp;

	if (ap_dw_reg(regs, AP_DW_RBP, &fp) && scan_is_fp(s, i, fp)) {
		*ret_fp = fp;
		return true;
	}
	for (size_t k = i; k-- > 0;) {
		if (scan_is_fp(s, i, scan_word(s, k))) {
			*ret_fp = scan_word(s, k);
			return true;
		}
	}
	for (size_t k = i + 1; k < s->n; k++) {
		if (scan_is_fp(s, i, s->start + 8 * k) && scan_word(s, k) > s->start + 8 * k) {
			*ret_fp = s->start + 8 * k;
			return true;
		}
	}
	return false;
}

/* The slot that an indirect jump or call `ff modrm` [rip + disp32] at `addr` goes through. */
static bool scan_slot_leads_out(const struct scan *s, ap_addr addr, uint8_t modrm)
{
	uint8_t insn[6];
	int32_t disp;
	uint64_t target;

	if (!ap_image_read(s->image, addr, insn, sizeof(insn)) || insn[0] != 0xff ||
	    insn[1] != modrm)
		return false;
	memcpy(&disp, insn + 2, sizeof(disp));
	return ap_image_u64(s->image, addr + sizeof(insn) + (uint64_t)(int64_t)disp, &target) &&
	       ap_is_code(s->image, target) && !s->is_known(s->arg, target);
}

/*
 * Whether the call before `pc` goes to code that we cannot unwind, through a PLT stub or the GOT.
 * It tells the caller of a missing library from addresses that earlier calls have left on the
 * stack.
 */
static bool scan_calls_out(const struct scan *s, ap_addr pc)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	uint8_t insn[5], stub[5];
	int32_t rel;

	if (scan_slot_leads_out(s, pc - 6, 0x15))
		return true;
	if (!ap_image_read(s->image, pc - sizeof(insn), insn, sizeof(insn)) || insn[0] != 0xe8)
		return false;
	memcpy(&rel, insn + 1, sizeof(rel));
	ap_addr target = pc + (uint64_t)(int64_t)rel;
	if (!ap_image_read(s->image, target, stub, sizeof(stub)))
		return false;
	if (memcmp(stub, endbr64, sizeof(endbr64)) == 0)
		target += sizeof(endbr64) + (stub[4] == 0xf2); /* bnd jmp */
	return scan_slot_leads_out(s, target, 0x25);
}

bool ap_stack_scan(const struct ap_image *image, bool (*is_known)(void *arg, ap_addr pc), void *arg,
		   ap_addr end, struct ap_dw_regs *regs)
{
	struct scan s = {image, is_known, arg, .start = regs->at[AP_DW_RSP]};
	uint64_t have, fp;

	s.words = ap_image_view(image, s.start, &have);
	if (!s.words || s.start % 8)
		return false;
	s.n = have / 8 < SCAN_WORDS ? have / 8 : SCAN_WORDS;
	for (size_t i = 0; i < s.n && s.start + 8 * (i + 1) <= end; i++) {
		uint64_t pc = scan_word(&s, i);

		if (!ap_is_return_address(image, pc) || !is_known(arg, pc - 1) ||
		    !scan_calls_out(&s, pc))
			continue;
		struct ap_dw_regs next = {.known = 0};
		ap_dw_reg_set(&next, AP_DW_PC, pc);
		ap_dw_reg_set(&next, AP_DW_RSP, s.start + 8 * (i + 1));
		if (scan_find_fp(&s, i, regs, &fp))
			ap_dw_reg_set(&next, AP_DW_RBP, fp);
		*regs = next;
		return true;
	}
	return false;
}
