/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Members that no row of a table names. config.md "Extensibility" asks to pass over what is not
 * known, and so do the tables; but a setting under a wrong name would then set nothing and nobody
 * would hear of it. So three kinds are refused by name: a member that belongs to another place of
 * the settings, one of the other dialect, and one whose name is almost that of a row. fields.c asks
 * here for each unknown member, and for no other.
 */

#include <stdio.h>
#include <string.h>

#include "proto/fields.h"

/* No row has a longer name. What is longer than this cannot be meant for one. */
#define NAME_BYTES_MAX 64
/* Of a name in the text, with its quotes, where each byte may be written as \u0061. */
#define NAME_TEXT_MAX (6 * NAME_BYTES_MAX + 2)

struct name {
	char text[NAME_TEXT_MAX + 1];
	char folded[NAME_BYTES_MAX + 1]; /* lower case, without _ and - */
	size_t length;			 /* of `folded` */
	uint32_t letters;		 /* a bit for each letter in it */
};

/* ---- likeness ---- */

static bool fold(const char *text, struct name *name)
{
	name->length = 0;
	name->letters = 0;
	for (; *text; text++) {
		char c = *text;

		if (c == '_' || c == '-')
			continue;
		if (name->length == NAME_BYTES_MAX)
			return false;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c - 'A' + 'a');
		name->folded[name->length++] = c;
		name->letters |= 1u << (c & 31);
	}
	name->folded[name->length] = '\0';
	return true;
}

static bool read_name(struct hp_json_value key, struct name *name)
{
	size_t length;

	(void)hp_json_text(key, &length);
	if (length > NAME_TEXT_MAX)
		return false;
	hp_json_decode(key, name->text);
	return fold(name->text, name);
}

static size_t smallest(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Insertions, deletions, replacements and swaps of neighbours that make one of the other. */
static size_t count_edits(const struct name *a, const struct name *b)
{
	size_t rows[3][NAME_BYTES_MAX + 1];

	for (size_t i = 0; i <= a->length; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *second = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t k = 1; k <= b->length; k++) {
			if (i == 0) {
				row[k] = k;
				continue;
			}
			row[k] = above[k - 1] + (a->folded[i - 1] != b->folded[k - 1]);
			row[k] = smallest(row[k], smallest(above[k], row[k - 1]) + 1);
			if (i > 1 && k > 1 && a->folded[i - 1] == b->folded[k - 2] &&
			    a->folded[i - 2] == b->folded[k - 1])
				row[k] = smallest(row[k], second[k - 2] + 1);
		}
	}
	return rows[a->length % 3][b->length];
}

/*
 * How many edits the two names are apart, `most` + 1 for any more. One edit changes the length by
 * one at most, and the set of letters by two; so most names need not be compared.
 */
static size_t distance(const struct name *name, const char *known_text, size_t most)
{
	struct name known;
	size_t edits;

	if (!fold(known_text, &known) || name->length > known.length + most ||
	    known.length > name->length + most ||
	    (size_t)__builtin_popcount(name->letters ^ known.letters) > 2 * most)
		return most + 1;
	edits = count_edits(name, &known);
	return smallest(edits, most + 1);
}

/* In a short name two edits leave too little of it. */
static size_t most_edits(const char *known)
{
	return strlen(known) <= 5 ? 1 : 2;
}

/* The row that is meant, as far as one can tell, at most `most` edits away; NULL: none. */
static const struct hp_field *find_similar(const struct hp_table *table, const struct name *name,
					   size_t most)
{
	const struct hp_field *found = NULL;
	size_t nearest = SIZE_MAX;

	for (size_t i = 0; i < table->count; i++) {
		const struct hp_field *field = &table->fields[i];
		size_t bound = smallest(most, most_edits(field->key));
		size_t edits = distance(name, field->key, bound);

		if (edits <= bound && edits < nearest) {
			nearest = edits;
			found = field;
		}
	}
	return found;
}

static int refuse_similar(const struct hp_table *table, const struct name *name, size_t most,
			  struct hp_err *err)
{
	const struct hp_field *similar = find_similar(table, name, most);

	return similar
		   ? hp_err_invalid(err, name->text, "unknown; did you mean \"%s\"?", similar->key)
		   : 0;
}

/* ---- places ---- */

/* Where an object is in the settings: "linux.resources", "" for the outermost one. */
struct place {
	bool is_found;
	char path[64];
};

static bool has_row(const struct hp_table *table, const struct name *name, bool exactly)
{
	for (size_t i = 0; i < table->count; i++) {
		const char *key = table->fields[i].key;

		if (exactly ? strcmp(name->text, key) == 0 : distance(name, key, 0) == 0)
			return true;
	}
	return false;
}

/* Looks for the object that has such a member: `table`, or a section below it. */
static void find_place(const struct hp_table *table, const struct name *name, bool exactly,
		       struct place *place)
{
	size_t length = strlen(place->path);

	place->is_found = has_row(table, name, exactly);
	for (size_t i = 0; !place->is_found && i < table->count; i++) {
		const struct hp_field *field = &table->fields[i];

		if (!field->table || !field->table->is_section)
			continue;
		snprintf(place->path + length, sizeof(place->path) - length, "%s%s",
			 length > 0 ? "." : "", field->key);
		find_place(field->table, name, exactly, place);
		if (!place->is_found)
			place->path[length] = '\0';
	}
}

static int refuse_place(const struct hp_table *root, const struct name *name,
			const struct place *own, const struct place *other, struct hp_err *err)
{
	const char *dialect = root->other_root->dialect;

	if (own->is_found && other->is_found && !other->path[0])
		return hp_err_invalid(err, name->text,
				      "must be under %s, or the dialect must be %s", own->path,
				      dialect);
	if (own->is_found && own->path[0])
		return hp_err_invalid(err, name->text, "must be under %s", own->path);
	if (own->is_found)
		return hp_err_invalid(err, name->text, "must not be under another member");
	if (other->path[0])
		return hp_err_invalid(err, name->text, "must be under %s, and the dialect be %s",
				      other->path, dialect);
	return hp_err_invalid(err, name->text, "is %s's: the dialect must be %s, not %s", dialect,
			      dialect, root->dialect);
}

/* A member that is known, but of another object, or in the other dialect. */
static int refuse_misplaced(const struct hp_table *table, const struct name *name, bool exactly,
			    struct hp_err *err)
{
	const struct hp_table *root = table->root;
	struct place own = {0}, other = {0};

	if (!root)
		return 0;
	find_place(root, name, exactly, &own);
	if (table == root)
		find_place(root->other_root, name, exactly, &other);
	return own.is_found || other.is_found ? refuse_place(root, name, &own, &other, err) : 0;
}

/* ---- all of it ---- */

static bool is_passed_over(const struct hp_table *table, const struct name *name)
{
	for (const char *const *known = table->passed_over; known && *known; known++) {
		if (strcmp(name->text, *known) == 0)
			return true;
	}
	return false;
}

/* What is certain comes first: a name as it is elsewhere, then one that differs in its letters. */
int hp_table_refuse_unknown(const struct hp_table *table, struct hp_json_value key,
			    struct hp_err *err)
{
	struct name name;
	int r;

	if (!read_name(key, &name) || is_passed_over(table, &name))
		return 0;
	r = refuse_misplaced(table, &name, true, err);
	if (r == 0)
		r = refuse_similar(table, &name, 0, err);
	if (r == 0)
		r = refuse_misplaced(table, &name, false, err);
	if (r == 0)
		r = refuse_similar(table, &name, SIZE_MAX, err);
	return r;
}
