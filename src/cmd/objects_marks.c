#include "cmd/objects_marks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct ap_err *ap_marks_data(struct ap_ctx *ctx, struct ap_heap *heap, bool mark,
			     const uint64_t *addresses, size_t n, struct ap_marks *ret)
{
	struct ap_heap_watch watch;
	const uint64_t *marked;
	size_t n_marked;
	struct ap_err *err;

	ret->marked = mark;
	ret->targets = addresses;
	ret->n_targets = n;
	if (mark) {
		for (size_t i = 0; i < n; i++)
			AP_TRY(ap_heap_mark(heap, addresses[i]));
		return NULL;
	}
	ap_heap_marks(heap, &marked, &n_marked);
	if (!n && !n_marked)
		return ap_err_hint(
			ap_err_new(AP_E_USAGE, "-r: no object was given or marked"),
			"ADDR::findjsobjects -r, or mark some with ADDR::findjsobjects -m");
	uint64_t *all = ap_alloc_array(ctx->arena, n + n_marked, sizeof(*all));
	if (!all)
		return &ap_err_nomem;
	if (n)
		memcpy(all, addresses, n * sizeof(*all));
	if (n_marked)
		memcpy(all + n, marked, n_marked * sizeof(*all));
	ret->targets = all;
	ret->n_targets = n + n_marked;
	ap_heap_watch(ctx, &watch);
	err = ap_heap_refs_to(heap, &watch, all, ret->n_targets, false, ctx->arena, &ret->refs);
	ap_heap_watch_end(ctx);
	if (!err)
		ap_heap_forget_marks(heap);
	return err;
}

void ap_marks_json(struct ap_json *j, const struct ap_marks *marks)
{
	ap_json_array(j, marks->marked ? "marked" : "targets");
	for (size_t i = 0; i < marks->n_targets; i++)
		ap_json_addr(j, NULL, marks->targets[i]);
	ap_json_end_array(j);
	if (marks->marked)
		return;
	ap_json_array(j, "referrers");
	for (size_t i = 0; i < marks->refs.n; i++) {
		const struct ap_heap_ref *ref = &marks->refs.refs[i];

		if (ref->kind == AP_REF_INTERNAL)
			continue;
		ap_json_object(j, NULL);
		ap_json_addr(j, "target", ref->target);
		ap_json_addr(j, "holder", ref->holder);
		ap_json_cstr(j, "kind", ap_ref_kind_name(ref->kind));
		ap_json_text(j, "name", ref->name);
		ap_json_bool(j, "weak", ref->weak);
		ap_json_end_object(j);
	}
	ap_json_end_array(j);
}

static int by_target(const void *a, const void *b)
{
	const struct ap_heap_ref *const *x = a, *const *y = b;

	if ((*x)->target != (*y)->target)
		return (*x)->target < (*y)->target ? -1 : 1;
	return (*x)->slot < (*y)->slot ? -1 : (*x)->slot > (*y)->slot;
}

void ap_marks_text(struct ap_ctx *ctx, const struct ap_marks *marks)
{
	const struct ap_heap_ref **refs =
		ap_alloc_array(ctx->arena, marks->refs.n + 1, sizeof(*refs));
	size_t n = 0;

	for (size_t i = 0; marks->marked && i < marks->n_targets; i++)
		ap_out_f(ctx->out, "findjsobjects: marked %" PRIx64 "\n", marks->targets[i] + 1);
	if (marks->marked || !refs)
		return;
	for (size_t i = 0; i < marks->refs.n; i++) {
		if (marks->refs.refs[i].kind != AP_REF_INTERNAL)
			refs[n++] = &marks->refs.refs[i];
	}
	if (n)
		qsort(refs, n, sizeof(*refs), by_target);
	for (size_t i = 0; i < marks->n_targets; i++) {
		uint64_t target = marks->targets[i];
		size_t lo = 0, hi = n;

		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (refs[mid]->target < target)
				lo = mid + 1;
			else
				hi = mid;
		}
		if (lo == n || refs[lo]->target != target)
			ap_out_f(ctx->out, "%" PRIx64 " is not referred to by a known object.\n",
				 target + 1);
		for (; lo < n && refs[lo]->target == target; lo++) {
			bool element = refs[lo]->kind == AP_REF_ELEMENT;

			ap_out_f(ctx->out, "%" PRIx64 " referred to by %" PRIx64 "%s", target + 1,
				 refs[lo]->holder + 1, element ? "[" : ".");
			ap_out_text(ctx->out, refs[lo]->name);
			ap_out_f(ctx->out, "%s%s\n", element ? "]" : "",
				 refs[lo]->weak ? " (weak)" : "");
		}
	}
}
