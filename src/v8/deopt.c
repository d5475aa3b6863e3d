#include "v8/frame.h"

bool ap_deopt_frames(struct ap_v8 *v8, const struct ap_code *code, ap_addr fp, ap_addr pc,
		     bool exact_pc, struct ap_arena *arena, ap_v8_frame_vec *frames)
{
	(void)v8, (void)code, (void)fp, (void)pc, (void)exact_pc, (void)arena, (void)frames;
	return false;
}
