#include "capture/agent/cri.h"

#include <string.h>

#include "capture/agent/protobuf.h"

/* A kubelet lets annotations grow to 256 KB in all. */
enum { MAX_PAIRS = 4096, MAX_TEXTS = 256, MAX_CONTAINERS = 1000, MAX_TEXT_BYTES = 512 << 10 };

struct reading {
	struct ap_arena *arena;
	bool damaged, memory;
};

static const char *text(struct reading *r, const struct ap_pb *pb)
{
	if (pb->wire != AP_PB_BYTES || pb->bytes.n > MAX_TEXT_BYTES) {
		r->damaged = true;
		return "";
	}
	const char *s = ap_strndup(r->arena, pb->bytes.s, strnlen(pb->bytes.s, pb->bytes.n));
	r->memory = r->memory || !s;
	return s ? s : "";
}

static uint64_t number(struct reading *r, const struct ap_pb *pb)
{
	r->damaged = r->damaged || pb->wire != AP_PB_VARINT;
	return pb->value;
}

static int64_t integer(struct reading *r, const struct ap_pb *pb)
{
	return (int64_t)number(r, pb);
}

static struct ap_pb message(struct reading *r, const struct ap_pb *pb)
{
	r->damaged = r->damaged || pb->wire != AP_PB_BYTES;
	return ap_pb_of(pb->bytes);
}

static void done(struct reading *r, const struct ap_pb *pb)
{
	r->damaged = r->damaged || pb->bad;
}

static struct ap_err *result(const struct reading *r, const char *what)
{
	if (r->memory)
		return &ap_err_nomem;
	return r->damaged ? ap_err_new(AP_E_FORMAT,
				       "the container runtime's answer about %s is damaged", what)
			  : NULL;
}

/* One entry of a map: {key = 1, value = 2}. */
static void pair(struct reading *r, const struct ap_pb *entry, ap_cri_pairs *pairs)
{
	struct ap_cri_pair p = {"", ""};
	struct ap_pb pb = message(r, entry);

	while (ap_pb_next(&pb)) {
		if (pb.field == 1)
			p.key = text(r, &pb);
		else if (pb.field == 2)
			p.value = text(r, &pb);
	}
	done(r, &pb);
	if (pairs->n == MAX_PAIRS)
		r->damaged = true;
	else if (!ap_vec_push(r->arena, pairs, p))
		r->memory = true;
}

static void append(struct reading *r, const struct ap_pb *pb, ap_cri_texts *texts)
{
	const char *s = text(r, pb);

	if (texts->n == MAX_TEXTS)
		r->damaged = true;
	else if (!ap_vec_push(r->arena, texts, s))
		r->memory = true;
}

/* {name = 1, attempt = 2} */
static void container_metadata(struct reading *r, const struct ap_pb *field,
			       struct ap_cri_container *c)
{
	struct ap_pb pb = message(r, field);

	while (ap_pb_next(&pb)) {
		if (pb.field == 1)
			c->name = text(r, &pb);
		else if (pb.field == 2)
			c->attempt = number(r, &pb);
	}
	done(r, &pb);
}

/* ImageSpec: {image = 1, annotations = 2, user_specified_image = 18} */
static const char *image_spec(struct reading *r, const struct ap_pb *field)
{
	struct ap_pb pb = message(r, field);
	const char *image = "", *specified = "";

	while (ap_pb_next(&pb)) {
		if (pb.field == 1)
			image = text(r, &pb);
		else if (pb.field == 18)
			specified = text(r, &pb);
	}
	done(r, &pb);
	return *specified ? specified : image;
}

static const struct ap_cri_container no_container = {.id = "",
						     .name = "",
						     .sandbox = "",
						     .image = "",
						     .image_ref = "",
						     .reason = "",
						     .log_path = ""};

static void container_status(struct reading *r, struct ap_pb pb, struct ap_cri_container *c)
{
	while (ap_pb_next(&pb)) {
		switch (pb.field) {
		case 1:
			c->id = text(r, &pb);
			break;
		case 2:
			container_metadata(r, &pb, c);
			break;
		case 3:
			c->state = number(r, &pb);
			break;
		case 4:
			c->created_ns = integer(r, &pb);
			break;
		case 5:
			c->started_ns = integer(r, &pb);
			break;
		case 6:
			c->finished_ns = integer(r, &pb);
			break;
		case 7:
			c->exit_code = integer(r, &pb);
			break;
		case 8:
			c->image = image_spec(r, &pb);
			break;
		case 9:
			c->image_ref = text(r, &pb);
			break;
		case 10:
			c->reason = text(r, &pb);
			break;
		case 12:
			pair(r, &pb, &c->labels);
			break;
		case 13:
			pair(r, &pb, &c->annotations);
			break;
		case 15:
			c->log_path = text(r, &pb);
			break;
		}
	}
	done(r, &pb);
}

struct ap_err *ap_cri_read_container(struct ap_text answer, struct ap_arena *arena,
				     struct ap_cri_container *ret)
{
	struct reading r = {.arena = arena};
	struct ap_cri_container c = no_container;
	struct ap_pb pb = ap_pb_of(answer);

	while (ap_pb_next(&pb)) {
		if (pb.field == 1)
			container_status(&r, message(&r, &pb), &c);
	}
	done(&r, &pb);
	AP_TRY(result(&r, "a container"));
	*ret = c;
	return NULL;
}

static void listed(struct reading *r, struct ap_pb pb, struct ap_cri_container *c)
{
	while (ap_pb_next(&pb)) {
		switch (pb.field) {
		case 1:
			c->id = text(r, &pb);
			break;
		case 2:
			c->sandbox = text(r, &pb);
			break;
		case 3:
			container_metadata(r, &pb, c);
			break;
		case 4:
			c->image = image_spec(r, &pb);
			break;
		case 5:
			c->image_ref = text(r, &pb);
			break;
		case 6:
			c->state = number(r, &pb);
			break;
		case 7:
			c->created_ns = integer(r, &pb);
			break;
		case 8:
			pair(r, &pb, &c->labels);
			break;
		case 9:
			pair(r, &pb, &c->annotations);
			break;
		}
	}
	done(r, &pb);
}

struct ap_err *ap_cri_read_list(struct ap_text answer, struct ap_arena *arena,
				ap_cri_containers *ret)
{
	struct reading r = {.arena = arena};
	ap_cri_containers list = {0};
	struct ap_pb pb = ap_pb_of(answer);

	while (ap_pb_next(&pb)) {
		struct ap_cri_container c = no_container;

		if (pb.field != 1)
			continue;
		listed(&r, message(&r, &pb), &c);
		if (list.n == MAX_CONTAINERS)
			r.damaged = true;
		else if (!ap_vec_push(arena, &list, c))
			r.memory = true;
		if (r.damaged || r.memory)
			break;
	}
	done(&r, &pb);
	AP_TRY(result(&r, "containers"));
	*ret = list;
	return NULL;
}

/* {name = 1, uid = 2, namespace = 3, attempt = 4} */
static void sandbox_metadata(struct reading *r, const struct ap_pb *field, struct ap_cri_sandbox *s)
{
	struct ap_pb pb = message(r, field);

	while (ap_pb_next(&pb)) {
		switch (pb.field) {
		case 1:
			s->name = text(r, &pb);
			break;
		case 2:
			s->uid = text(r, &pb);
			break;
		case 3:
			s->namespace_ = text(r, &pb);
			break;
		case 4:
			s->attempt = number(r, &pb);
			break;
		}
	}
	done(r, &pb);
}

static void sandbox_status(struct reading *r, struct ap_pb pb, struct ap_cri_sandbox *s)
{
	while (ap_pb_next(&pb)) {
		switch (pb.field) {
		case 1:
			s->id = text(r, &pb);
			break;
		case 2:
			sandbox_metadata(r, &pb, s);
			break;
		case 3:
			s->state = number(r, &pb);
			break;
		case 4:
			s->created_ns = integer(r, &pb);
			break;
		case 7:
			pair(r, &pb, &s->labels);
			break;
		case 8:
			pair(r, &pb, &s->annotations);
			break;
		case 9:
			s->runtime_handler = text(r, &pb);
			break;
		}
	}
	done(r, &pb);
}

struct ap_err *ap_cri_read_sandbox(struct ap_text answer, struct ap_arena *arena,
				   struct ap_cri_sandbox *ret)
{
	struct reading r = {.arena = arena};
	struct ap_cri_sandbox s = {
		.id = "", .name = "", .uid = "", .namespace_ = "", .runtime_handler = ""};
	struct ap_pb pb = ap_pb_of(answer);

	while (ap_pb_next(&pb)) {
		if (pb.field == 1)
			sandbox_status(&r, message(&r, &pb), &s);
	}
	done(&r, &pb);
	AP_TRY(result(&r, "a pod"));
	*ret = s;
	return NULL;
}

struct ap_err *ap_cri_read_image(struct ap_text answer, struct ap_arena *arena,
				 struct ap_cri_image *ret)
{
	struct reading r = {.arena = arena};
	struct ap_cri_image image = {.id = "", .username = ""};
	struct ap_pb outer = ap_pb_of(answer);
	bool known = false;

	while (ap_pb_next(&outer)) {
		if (outer.field != 1)
			continue;
		struct ap_pb pb = message(&r, &outer);
		known = true;
		while (ap_pb_next(&pb)) {
			switch (pb.field) {
			case 1:
				image.id = text(&r, &pb);
				break;
			case 2:
				append(&r, &pb, &image.tags);
				break;
			case 3:
				append(&r, &pb, &image.digests);
				break;
			case 4:
				image.bytes = number(&r, &pb);
				break;
			case 6:
				image.username = text(&r, &pb);
				break;
			}
		}
		done(&r, &pb);
	}
	done(&r, &outer);
	AP_TRY(result(&r, "an image"));
	if (!known)
		return ap_err_new(AP_E_NOTFOUND,
				  "the container runtime does not know the image any more");
	*ret = image;
	return NULL;
}

void ap_cri_ask_id(struct ap_str *out, const char *id)
{
	ap_pb_put_bytes(out, 1, ap_text_of(id));
}

void ap_cri_ask_list(struct ap_str *out, const char *id, const char *sandbox)
{
	AP_STR_AUTO filter = {0};

	if (id)
		ap_pb_put_bytes(&filter, 1, ap_text_of(id));
	if (sandbox)
		ap_pb_put_bytes(&filter, 3, ap_text_of(sandbox));
	ap_pb_put_bytes(out, 1, (struct ap_text){filter.s ? filter.s : "", filter.n});
	out->failed = out->failed || filter.failed;
}

void ap_cri_ask_image(struct ap_str *out, const char *ref)
{
	AP_STR_AUTO spec = {0};

	ap_pb_put_bytes(&spec, 1, ap_text_of(ref));
	ap_pb_put_bytes(out, 1, (struct ap_text){spec.s ? spec.s : "", spec.n});
	out->failed = out->failed || spec.failed;
}

static const char *named(const char *const *names, size_t n, uint64_t at)
{
	return at < n ? names[at] : NULL;
}

const char *ap_cri_container_state(uint64_t state)
{
	static const char *const names[] = {"CONTAINER_CREATED", "CONTAINER_RUNNING",
					    "CONTAINER_EXITED", "CONTAINER_UNKNOWN"};

	return named(names, sizeof(names) / sizeof(names[0]), state);
}

const char *ap_cri_sandbox_state(uint64_t state)
{
	static const char *const names[] = {"SANDBOX_READY", "SANDBOX_NOTREADY"};

	return named(names, sizeof(names) / sizeof(names[0]), state);
}
