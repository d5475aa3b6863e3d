/*
 * load PORT RATE SECONDS [CONNECTIONS]: HTTP GETs at a fixed rate, whatever becomes of the answers,
 * as a world of clients does: a server that stands still for a while finds all that came meanwhile.
 * Ends early on SIGTERM.
 *
 * Prints: requests sent, answered, lost, the slowest and the 99th percentile in ms, and the rate
 * that was kept. Exit status: 0 none lost, 1 some were, 2 it could not connect.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 64, QUEUE = 65536, ANSWERS = 1 << 22, WAIT_MS = 10000 };

struct connection {
	int fd;
	uint64_t sent[QUEUE]; /* when, of the requests under way: a ring */
	uint32_t head, tail;
	char in[4096];
	size_t n_in;
};

static struct connection connections[CONNECTIONS];
static uint32_t answers[ANSWERS]; /* microseconds */
static uint64_t n_sent, n_answered, n_lost;
static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	stop = sig;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool open_connection(struct connection *c, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return false;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fcntl(c->fd, F_SETFL, O_NONBLOCK) == 0;
}

static void lose(struct connection *c)
{
	n_lost += c->tail - c->head;
	c->head = c->tail;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void ask(struct connection *c)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "GET /%llu HTTP/1.1\r\nHost: x\r\n\r\n",
			 (unsigned long long)n_sent);

	n_sent++;
	if (c->fd < 0 || c->tail - c->head == QUEUE) {
		n_lost++;
		return;
	}
	c->sent[c->tail++ % QUEUE] = now_ns();
	/* A request is some 40 bytes: a socket that does not take it is as good as gone. */
	if (write(c->fd, text, (size_t)n) != n)
		lose(c);
}

/* Whole answers at the start of the buffer: a head with Content-Length or chunks of a few bytes. */
static size_t answer_bytes(const char *p, size_t n)
{
	const char *body = memmem(p, n, "\r\n\r\n", 4);

	if (!body)
		return 0;
	body += 4;
	const char *length = memmem(p, (size_t)(body - p), "Content-Length: ", 16);
	if (length) {
		size_t total = (size_t)(body - p) + strtoul(length + 16, NULL, 10);

		return total <= n ? total : 0;
	}
	const char *end = memmem(body, n - (size_t)(body - p), "0\r\n\r\n", 5);
	return end ? (size_t)(end + 5 - p) : 0;
}

static void take(struct connection *c)
{
	ssize_t n;

	while ((n = read(c->fd, c->in + c->n_in, sizeof(c->in) - c->n_in)) > 0) {
		size_t bytes;

		c->n_in += (size_t)n;
		while ((bytes = answer_bytes(c->in, c->n_in)) && c->head != c->tail) {
			bool fine = memcmp(c->in, "HTTP/1.1 200", 12) == 0;
			uint64_t took = (now_ns() - c->sent[c->head++ % QUEUE]) / 1000;

			if (fine && n_answered < ANSWERS)
				answers[n_answered++] = (uint32_t)took;
			else
				n_lost++;
			memmove(c->in, c->in + bytes, c->n_in - bytes);
			c->n_in -= bytes;
		}
		if (c->n_in == sizeof(c->in))
			break;
	}
	if (n == 0 || (n < 0 && errno != EAGAIN) || c->n_in == sizeof(c->in))
		lose(c);
}

static void turn(int timeout_ms)
{
	struct pollfd p[CONNECTIONS];

	for (int i = 0; i < CONNECTIONS; i++)
		p[i] = (struct pollfd){.fd = connections[i].fd, .events = POLLIN};
	if (poll(p, CONNECTIONS, timeout_ms) <= 0)
		return;
	for (int i = 0; i < CONNECTIONS; i++) {
		if (p[i].revents)
			take(&connections[i]);
	}
}

static bool waiting(void)
{
	for (int i = 0; i < CONNECTIONS; i++) {
		if (connections[i].head != connections[i].tail)
			return true;
	}
	return false;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fprintf(stderr, "usage: load PORT RATE SECONDS\n");
		return 2;
	}
	double rate = atof(argv[2]), seconds = atof(argv[3]);

	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_stop);
	for (int i = 0; i < CONNECTIONS; i++) {
		if (!open_connection(&connections[i], (uint16_t)atoi(argv[1]))) {
			perror("load: connect");
			return 2;
		}
	}
	uint64_t began = now_ns();
	double passed = 0;
	while (!stop && (passed = (double)(now_ns() - began) / 1e9) < seconds) {
		/* All that are due, also after we were kept waiting ourselves. */
		while (n_sent < (uint64_t)(passed * rate))
			ask(&connections[n_sent % CONNECTIONS]);
		turn(1);
	}
	for (uint64_t deadline = now_ns() + WAIT_MS * 1000000ull; waiting() && now_ns() < deadline;)
		turn(10);
	for (int i = 0; i < CONNECTIONS; i++)
		lose(&connections[i]);
	qsort(answers, n_answered, sizeof(*answers), by_value);
	printf("%llu requests at %.0f/s, %llu answered, %llu lost, slowest %.0f ms, 99 %% within %.0f ms\n",
	       (unsigned long long)n_sent, (double)n_sent / passed, (unsigned long long)n_answered,
	       (unsigned long long)n_lost, n_answered ? answers[n_answered - 1] / 1e3 : 0,
	       n_answered ? answers[n_answered * 99 / 100] / 1e3 : 0);
	return n_lost || n_answered != n_sent;
}
