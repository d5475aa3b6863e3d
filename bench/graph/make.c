/*
 * Writes a heap snapshot of N million nodes and three times as many edges to stdout, shaped as
 * heaps are: a few deep lists, wide tables, small objects with a shape each, cross references.
 * usage: make MILLIONS
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t state = 88172645463325252u;

static uint32_t pick(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % n;
}

/* Node v > 0 has a parent in front of it: a near one (lists), or its table. */
static uint32_t table_of(uint32_t v)
{
	return v < 1000 ? 0 : 1 + v % 997;
}

int main(int argc, char **argv)
{
	uint32_t n = (argc > 1 ? (uint32_t)atoi(argv[1]) : 8) * 1000000u;
	static char buffer[1 << 20];

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	/* Tables come first: their edges are counted, not stored. */
	uint32_t *members = calloc(1000, sizeof(*members));
	if (!members)
		return 1;
	for (uint32_t v = 1; v < n; v++)
		members[table_of(v)]++;
	uint64_t edges = 0;
	for (uint32_t v = 0; v < 1000; v++)
		edges += members[v];
	edges += 2ull * (n - 1000);
	printf("{\"snapshot\":{\"meta\":{\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\","
	       "\"detachedness\"],\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\","
	       "\"regexp\",\"number\",\"native\",\"synthetic\"],\"string\",\"number\",\"number\",\"number\",\"number\"],"
	       "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],\"edge_types\":[[\"context\",\"element\","
	       "\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],\"string_or_number\",\"node\"]},"
	       "\"node_count\":%u,\"edge_count\":%llu},\n\"nodes\":[",
	       n, (unsigned long long)edges);
	for (uint32_t v = 0; v < n; v++)
		printf("%s%u,%u,%u,%u,%u,0", v ? "\n," : "", v ? 3 : 9, v ? 1 + v % 50 : 0,
		       2 * v + 1, 16 + v % 64, v < 1000 ? members[v] : 2);
	printf("],\n\"edges\":[");
	const char *comma = "";
	for (uint32_t t = 0; t < 1000; t++) {
		/* Members of table t: every 997th node. */
		for (uint32_t v = t ? 1000 + (t - 1 + 997 - 1000 % 997 + 997) % 997 : 1;
		     v < n && (t || v < 1000); v += t ? 997 : 1) {
			if (table_of(v) != t)
				continue;
			printf("%s1,%u,%u", comma, v, v * 6);
			comma = "\n,";
		}
	}
	for (uint32_t v = 1000; v < n; v++) {
		uint32_t next = v + 1 < n && v % 5 ? v + 1 : 1 + pick(n - 1);

		printf("\n,2,%u,%u\n,3,2,%u", 60 + v % 7, next * 6,
		       (1 + pick(v % 10 ? 1000 : n - 1)) * 6);
	}
	printf("],\n\"strings\":[\"\"");
	for (int i = 0; i < 100; i++)
		printf(",\"Name%d\"", i);
	printf("]}\n");
	free(members);
	return ferror(stdout) != 0;
}
