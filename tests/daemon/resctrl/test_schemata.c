/* SPDX-License-Identifier: Apache-2.0 */

/* Schemata: what is parsed, what is refused, and that equal means equal in every number. */

#include "tests/daemon/support/support.h"

#include <inttypes.h>

#include "daemon/resctrl/schemata.h"

static struct schemata read_text(const char *text)
{
	struct schemata schemata = SCHEMATA_INIT;
	struct hp_err err;

	if (schemata_add(&schemata, text, NULL, 0, &err) < 0)
		fail_msg("%s: %s", text, err.reason);
	return schemata;
}

static void expect_printed(const char *text, const char *expected)
{
	struct schemata schemata = read_text(text);

	assert_string_equal(schemata_print(&schemata, 0), expected);
	schemata_clear(&schemata);
}

static bool are_equal(const char *a, const char *b)
{
	struct schemata first = read_text(a), second = read_text(b);
	const struct schemata_value *other;
	bool are = !schemata_find_difference(&first, &second, &other) &&
		   !schemata_find_difference(&second, &first, &other);

	schemata_clear(&first);
	schemata_clear(&second);
	return are;
}

static void texts_are_printed_in_one_form(void **state)
{
	(void)state;
	expect_printed("", "");
	expect_printed("\n \n", "");
	expect_printed("L3:0=ff", "L3:0=ff\n");
	expect_printed("L3:0=0xFF;1=00f\n", "L3:0=ff;1=f\n");
	expect_printed("L3:0=ff;", "L3:0=ff\n");
	expect_printed("    MB:0= 40;1=100\n    L3:0=fffff\n", "MB:0=40;1=100\nL3:0=fffff\n");
	expect_printed("L3CODE:7=1\nL3DATA: 7 = 2 \nSMBA:0=10",
		       "L3CODE:7=1\nL3DATA:7=2\nSMBA:0=10\n");
	expect_printed("L3:0=1\nMB:0=10\nL3:1=2", "L3:0=1;1=2\nMB:0=10\n");
	expect_printed("L3:18446744073709551615=ffffffffffffffff",
		       "L3:18446744073709551615=ffffffffffffffff\n");
	expect_printed("MB:0=18446744073709551615", "MB:0=18446744073709551615\n");
}

static void what_is_no_schemata_is_refused(void **state)
{
	static const char *const texts[] = {
	    "L3",
	    "L3:",
	    ":0=ff",
	    "l3:0=ff",
	    "L3 0=ff",
	    "L3:0",
	    "L3:0=",
	    "L3:=ff",
	    "L3:0=ffZZ",
	    "L3:0=fg",
	    "L3:0=0x",
	    "L3:0=-1",
	    "L3:0=+1",
	    "L3:-1=1",
	    "L3:0x1=1",
	    "L3:a=1",
	    "L3:0=1;;1=1",
	    "L3:;0=1",
	    "L3:0=1 1=1",
	    "L3:0=1;0=1",
	    "L3:0=f\nL3:0=f",
	    "MB:0=ff",
	    "MB:0=0x10",
	    "MB:0=1.5",
	    "L3:0=ff\r",
	    "L3:0=f\nL3:",
	    "L3:0=f;\n;",
	    "L3/../x:0=1",
	    "ABCDEFGHIJKLMNOP:0=1",
	    "a;;b",
	    "L3:0=10000000000000000",
	    "L3:18446744073709551616=1",
	    "MB:0=18446744073709551616",
	};

	(void)state;
	for (size_t i = 0; i < ELEMENTS(texts); i++) {
		struct schemata schemata = SCHEMATA_INIT;
		struct hp_err err = {0};

		if (schemata_add(&schemata, texts[i], NULL, 0, &err) != -EINVAL)
			fail_msg("\"%s\" was taken", texts[i]);
		assert_string_equal(err.path, "");
		assert_true(err.reason[0]);
		schemata_clear(&schemata);
	}
}

/* Pairs that a comparison by int or by prefix takes for equal. */
static void near_misses_differ(void **state)
{
	(void)state;
	assert_false(are_equal("L3:0=ff", "L3:0=1000000ff"));
	assert_false(are_equal("L3:0=ff", "L3:4294967296=ff"));
	assert_false(are_equal("L3:0=ff;1=ff", "L3:0=ff"));
	assert_false(are_equal("L3:0=ff", "L3:0=fe"));
	assert_false(are_equal("L3:0=ff", "L2:0=ff"));
	assert_false(are_equal("L3CODE:0=ff", "L3:0=ff"));
	assert_false(are_equal("MB:0=10", "MB:0=16"));
	assert_true(are_equal("L3:0=10", "L3:0=0x10"));
	assert_true(are_equal("L3:0=ff;1=f\nMB:0=10", "MB:0=10\nL3:1=0F;0=0xff"));
}

static void a_difference_tells_both_values(void **state)
{
	struct schemata wanted = read_text("L3:0=ff;1=f"), present = read_text("L3:1=e;0=ff");
	const struct schemata_value *value, *other = NULL;

	(void)state;
	value = schemata_find_difference(&wanted, &present, &other);
	assert_non_null(value);
	assert_int_equal(value->id, 1);
	assert_int_equal(value->value, 0xf);
	assert_int_equal(other->value, 0xe);
	schemata_clear(&present);
	present = read_text("L3:0=ff");
	value = schemata_find_difference(&wanted, &present, &other);
	assert_int_equal(value->id, 1);
	assert_null(other);
	/* More domains than requested are no difference. */
	assert_null(schemata_find_difference(&present, &wanted, &other));
	schemata_clear(&wanted);
	schemata_clear(&present);
}

static void what_the_kernel_prints_is_read_as_far_as_it_goes(void **state)
{
	struct schemata schemata = SCHEMATA_INIT;

	(void)state;
	assert_int_equal(
	    schemata_add_kernels(&schemata, "L2:uninitialized\n    MB:0= 40\nnonsense\nL3:0=f\n"),
	    0);
	assert_string_equal(schemata_print(&schemata, 0), "MB:0=40\nL3:0=f\n");
	schemata_clear(&schemata);
}

/* A later text overrides an earlier one, as if the kernel got one after the other. */
static void texts_keep_apart(void **state)
{
	struct schemata schemata = SCHEMATA_INIT;
	struct hp_err err;

	(void)state;
	assert_int_equal(schemata_add(&schemata, "L3:0=f;1=f\nMB:0=20", NULL, 0, &err), 0);
	assert_int_equal(schemata_add(&schemata, "L3:2=e", NULL, 2, &err), 0);
	assert_int_equal(schemata_add(&schemata, "L3:0=c;3=1", NULL, 3, &err), 0);
	assert_int_equal(schemata_add(&schemata, "L3:0=c", NULL, 3, &err), -EINVAL);
	assert_string_equal(schemata_print(&schemata, 0), "L3:1=f\nMB:0=20\n");
	assert_string_equal(schemata_print(&schemata, 1), "");
	assert_string_equal(schemata_print(&schemata, 2), "L3:2=e\n");
	assert_string_equal(schemata_print(&schemata, 3), "L3:0=c;3=1\n");
	schemata_clear(&schemata);
}

static void left_out_lines_are_not_read(void **state)
{
	struct schemata schemata = SCHEMATA_INIT;
	struct hp_err err;

	(void)state;
	assert_int_equal(schemata_add(&schemata, "L3:2=2e;1=8e1;\nMB:13\n", "MB", 0, &err), 0);
	assert_string_equal(schemata_print(&schemata, 0), "L3:2=2e;1=8e1\n");
	assert_int_equal(schemata_add(&schemata, "MB:13", NULL, 1, &err), -EINVAL);
	assert_int_equal(schemata_add(&schemata, "MBX:0=1", "MB", 1, &err), 0);
	schemata_clear(&schemata);
}

static void bandwidths_are_rounded_up(void **state)
{
	struct schemata schemata = read_text("MB:0=33;1=40;2=0;3=18446744073709551615\nL3:0=33");

	(void)state;
	schemata_round_up(&schemata, "MB", 10);
	assert_string_equal(schemata_print(&schemata, 0),
			    "MB:0=40;1=40;2=0;3=18446744073709551615\nL3:0=33\n");
	schemata_round_up(&schemata, "MB", 0);
	schemata_round_up(&schemata, "MB", 1);
	assert_string_equal(schemata_print(&schemata, 0),
			    "MB:0=40;1=40;2=0;3=18446744073709551615\nL3:0=33\n");
	schemata_clear(&schemata);
}

static void there_is_a_bound(void **state)
{
	struct schemata schemata = SCHEMATA_INIT;
	struct hp_err err;
	char line[32];
	int r = 0, count = 0;

	(void)state;
	for (; r == 0 && count < 100000; count++) {
		snprintf(line, sizeof(line), "L3:%d=f", count);
		r = schemata_add(&schemata, line, NULL, 0, &err);
	}
	assert_int_equal(r, -EINVAL);
	assert_in_range(count, 1000, 2000);
	schemata_clear(&schemata);
}

/* ---- random texts, read independently ---- */

struct table {
	bool is_set[4][6];
	uint64_t values[4][6];
};

static const char *const resources[] = {"L3", "L3CODE", "MB", "SMBA"};

static uint64_t random_value(void)
{
	static const uint64_t edges[] = {0, 1, 0xff, 0xffffffff, 0x100000000, UINT64_MAX};

	return rand() % 3 ? (uint64_t)rand() % 4 : edges[rand() % ELEMENTS(edges)];
}

/* Prints the table, in any order and with any blanks that are valid. */
static void write_text(const struct table *table, FILE *file)
{
	static const char *const blanks[] = {"", " ", "\t", "  "};
	int first = rand() % 4, domain = rand() % 6;

	for (int i = 0; i < 4; i++) {
		int resource = (first + i) % 4;
		bool is_begun = false;

		for (int j = 0; j < 6; j++) {
			int id = (domain + j) % 6;
			const char *format = resource >= 2 ? "%s%d%s=%s%" PRIu64
					     : rand() % 2  ? "%s%d%s=%s%" PRIx64
							   : "%s%d%s=%s0x0%" PRIX64;

			if (!table->is_set[resource][id])
				continue;
			/* Sometimes starts a new line for the rest of the resource. */
			if (is_begun && rand() % 4 == 0) {
				fputc('\n', file);
				is_begun = false;
			}
			if (is_begun)
				fputc(';', file);
			else
				fprintf(file, "%s%s:", blanks[rand() % 4], resources[resource]);
			fprintf(file, format, blanks[rand() % 4], id, blanks[rand() % 4],
				blanks[rand() % 4], table->values[resource][id]);
			is_begun = true;
		}
		if (is_begun)
			fputc('\n', file);
	}
}

static char *text_of(const struct table *table)
{
	char *text;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	write_text(table, file);
	fclose(file);
	return text;
}

/* By the C library. */
static void read_independently(const char *text, struct table *ret)
{
	char *copy = strdup(text), *lines = copy, *line;

	memset(ret, 0, sizeof(*ret));
	while ((line = strsep(&lines, "\n"))) {
		char name[16], *domains = strchr(line, ':'), *domain;
		int resource = 0;

		if (!domains)
			continue;
		assert_int_equal(sscanf(line, " %15[A-Z0-9]", name), 1);
		while (strcmp(resources[resource], name) != 0)
			resource++;
		domains++;
		while ((domain = strsep(&domains, ";"))) {
			unsigned int id;
			char digits[64];

			if (sscanf(domain, " %u = %63s", &id, digits) != 2)
				continue;
			assert_in_range(id, 0, 5);
			ret->is_set[resource][id] = true;
			ret->values[resource][id] = strtoull(digits, NULL, resource >= 2 ? 10 : 16);
		}
	}
	free(copy);
}

static bool tables_are_equal(const struct table *a, const struct table *b)
{
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 6; j++)
			if (a->is_set[i][j] != b->is_set[i][j] ||
			    (a->is_set[i][j] && a->values[i][j] != b->values[i][j]))
				return false;
	return true;
}

static struct table random_table(void)
{
	struct table table = {0};

	for (int i = 0; i < 4; i++)
		for (int j = 0; j < 6; j++)
			if ((table.is_set[i][j] = rand() % 2))
				table.values[i][j] = random_value();
	return table;
}

static void random_texts_are_read_and_printed_as_others_read_them(void **state)
{
	(void)state;
	srand(4711);
	for (int round = 0; round < 5000; round++) {
		struct table table = random_table(), seen;
		char *text = text_of(&table);
		struct schemata schemata = read_text(text);

		read_independently(schemata_print(&schemata, 0), &seen);
		if (!tables_are_equal(&table, &seen))
			fail_msg("%s became %s", text, schemata_print(&schemata, 0));
		assert_true(are_equal(text, schemata_print(&schemata, 0)));
		schemata_clear(&schemata);
		free(text);
	}
}

static void random_texts_are_equal_exactly_when_their_numbers_are(void **state)
{
	int equal = 0;

	(void)state;
	srand(4712);
	for (int round = 0; round < 5000; round++) {
		struct table a = random_table(), b = a;
		char *first = text_of(&a), *second;

		if (rand() % 2) {
			int resource = rand() % 4, id = rand() % 6;

			b.is_set[resource][id] ^= rand() % 2;
			b.values[resource][id] ^= (uint64_t)1 << rand() % 64;
		}
		second = text_of(&b);
		if (are_equal(first, second) != tables_are_equal(&a, &b))
			fail_msg("%s and %s", first, second);
		equal += tables_are_equal(&a, &b);
		free(first);
		free(second);
	}
	assert_in_range(equal, 1000, 4000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(texts_are_printed_in_one_form),
	    cmocka_unit_test(what_is_no_schemata_is_refused),
	    cmocka_unit_test(near_misses_differ),
	    cmocka_unit_test(a_difference_tells_both_values),
	    cmocka_unit_test(what_the_kernel_prints_is_read_as_far_as_it_goes),
	    cmocka_unit_test(texts_keep_apart),
	    cmocka_unit_test(left_out_lines_are_not_read),
	    cmocka_unit_test(bandwidths_are_rounded_up),
	    cmocka_unit_test(there_is_a_bound),
	    cmocka_unit_test(random_texts_are_read_and_printed_as_others_read_them),
	    cmocka_unit_test(random_texts_are_equal_exactly_when_their_numbers_are),
	};

	bound_time();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
