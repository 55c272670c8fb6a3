/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Members without a row in their table. config.md "Extensibility" asks to ignore unknown members,
 * and the tables do; but then a setting under a wrong name would silently set nothing. So these are
 * refused by name: a member that belongs to another place of the settings, one of the other
 * dialect, one whose name is almost that of a row, one with the name that the kernel or another
 * tool uses, and one that joins two names ("memory_limit"). Only unknown members are looked up
 * here. It also decides whether an object is settings at all.
 */

#include <stdio.h>
#include <string.h>

#include "proto/settings/fields.h"

/* No row has a name as long as this; a longer one is not compared. */
#define NAME_BYTES_MAX 64
/* The length of a name in the text, with its quotes, if each byte is written as \u0061. */
#define NAME_TEXT_MAX (6 * NAME_BYTES_MAX + 2)

struct name {
	char text[NAME_TEXT_MAX + 1];
	char folded[NAME_BYTES_MAX + 1]; /* lower case, without _ and - */
	size_t length;			 /* of `folded` */
	uint32_t letters;		 /* a bit for each letter in it */
};

/* ---- similar names ---- */

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

/* The edit distance: insertions, deletions, replacements and swaps of neighbours. */
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

/* Two edits are too many for a short name. */
static size_t most_edits(const char *known)
{
	return strlen(known) <= 5 ? 1 : 2;
}

/* The row with the most similar name, at most `most` edits away. NULL: none. */
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

/* ---- other words ---- */

/*
 * Names that the kernel or another tool uses, in lower case without _ and -, and their rows. A word
 * may be there twice: the first one of which the object has the row counts.
 */
static const struct other_word {
	const char *word, *oci, *libcontainer;
	bool is_for_all; /* it means that setting in an object without the row too */
} other_words[] = {
    {"nonewprivs", "noNewPrivileges", "no_new_privileges", true}, /* prctl(2), /proc/PID/status */
    {"oomscore", "oomScoreAdj", "oom_score_adj", true},
    {"apparmor", "apparmorProfile", "apparmor_profile"},
    {"selinux", "selinuxLabel", "process_label"},
    {"selinuxlabel", "selinuxLabel", "process_label"},
    {"seccompprofile", "seccomp", "seccomp", true}, /* Kubernetes */
    {"caps", "capabilities", "capabilities"},
    {"capability", "capabilities", "capabilities"},
    {"capadd", "capabilities", "capabilities"},
    {"groups", "additionalGids", NULL},
    {"sched", "scheduler", "scheduler"},
    {"ionice", "ioPriority", "io_priority", true},
    {"mempolicy", "memoryPolicy", "memory_policy", true}, /* set_mempolicy(2) */
    {"cpuaffinity", "execCPUAffinity", "exec_cpu_affinity"},
    {"cgroup", "cgroupsPath", "cgroups"},
    {"cgroupparent", "cgroupsPath", "parent"},
    {"rdt", "intelRdt", "intel_rdt"},
    {"rules", "syscalls", "syscalls"},
    {"blkio", "blockIO", NULL}, /* cgroup v1's and v2's controllers and files */
    {"io", "blockIO", NULL},
    {"cpuset", "cpus", "cpuset_cpus"},
    {"cpuset", "cpu", NULL},
    {"mem", "memory", "memory"},
    {"hugetlb", "hugepageLimits", "hugetlb_limit"},
    {"hugepages", "hugepageLimits", "hugetlb_limit"},
    {"unify", "unified", "unified"},
    {"net", "network", NULL},
    {"max", "limit", NULL},
    {"limitinbytes", "limit", NULL},
    {"low", "reservation", NULL},
    {"softlimitinbytes", "reservation", NULL},
    {"swaplimit", "swap", NULL}, /* docker's and the kernel's */
    {"swapmax", "swap", NULL},
    {"memswlimitinbytes", "swap", NULL},
    {"weight", "shares", NULL},
    {"max", "quota", NULL},
    {"nanocpus", "quota", NULL},
    {"quotaus", "quota", NULL},
    {"cfsquotaus", "quota", NULL},
    {"periodus", "period", NULL},
    {"cfsperiodus", "period", NULL},
    {"burstus", "burst", NULL},
};

/* Files of cgroup v2 without a member: in the object with the row, they would be such members. */
static const struct {
	const char *row, *word, *file;
} file_words[] = {
    {"swappiness", "high", "memory.high"},	    {"swappiness", "min", "memory.min"},
    {"swappiness", "oomgroup", "memory.oom.group"}, {"swappiness", "swaphigh", "memory.swap.high"},
    {"unified", "memoryhigh", "memory.high"},	    {"unified", "memorymin", "memory.min"},
};

static const struct hp_field *find_row(const struct hp_table *table, const char *key)
{
	for (size_t i = 0; key && i < table->count; i++) {
		if (strcmp(table->fields[i].key, key) == 0)
			return &table->fields[i];
	}
	return NULL;
}

/* The row of the table that the folded word means. NULL: none. */
static const struct hp_field *find_meant(const struct hp_table *table, const char *folded)
{
	const struct hp_field *meant = NULL;

	for (size_t i = 0; !meant && i < sizeof(other_words) / sizeof(other_words[0]); i++) {
		if (strcmp(folded, other_words[i].word) != 0)
			continue;
		meant = find_row(table, other_words[i].oci);
		if (!meant)
			meant = find_row(table, other_words[i].libcontainer);
	}
	return meant;
}

static int refuse_other_word(const struct hp_table *table, const struct name *name,
			     struct hp_err *err)
{
	const struct hp_field *meant = find_meant(table, name->folded);

	return meant ? hp_err_invalid(err, name->text, "unknown; did you mean \"%s\"?", meant->key)
		     : 0;
}

/* "memory.max" beside unified, and "high" in memory. */
static int refuse_file(const struct hp_table *table, const struct name *name, struct hp_err *err)
{
	if (strchr(name->text, '.') && find_row(table, "unified"))
		return hp_err_invalid(err, name->text, "must be under unified");
	for (size_t i = 0; i < sizeof(file_words) / sizeof(file_words[0]); i++)
		if (strcmp(name->folded, file_words[i].word) == 0 &&
		    find_row(table, file_words[i].row))
			return hp_err_invalid(err, name->text,
					      "unknown; did you mean \"%s\" of unified?",
					      file_words[i].file);
	return 0;
}

/* ---- places ---- */

/* How names are compared: as they are; without case, _ and -; joined with the object's name. */
enum likeness { EXACT, FOLDED, JOINED };

/* The path of an object in the settings: "linux.resources", "" for the outermost one. */
struct place {
	bool is_found;
	char path[96];
};

/* The length of the row's name at the beginning of `text`; 0: it does not begin with it. */
static size_t match_begin(const char *text, const char *key)
{
	size_t length = 0;

	for (; *key; key++) {
		char c = *key >= 'A' && *key <= 'Z' ? (char)(*key - 'A' + 'a') : *key;

		if (c == '_' || c == '-')
			continue;
		if (text[length++] != c)
			return 0;
	}
	return length;
}

static const struct hp_field *find_named(const struct hp_table *table, const char *folded)
{
	for (size_t i = 0; i < table->count; i++) {
		size_t length = match_begin(folded, table->fields[i].key);

		if (length > 0 && folded[length] == '\0')
			return &table->fields[i];
	}
	return NULL;
}

static bool has_row(const struct hp_table *table, const struct name *name, enum likeness likeness)
{
	return likeness == EXACT    ? find_row(table, name->text) != NULL
	       : likeness == FOLDED ? find_named(table, name->folded) != NULL
				    : false;
}

/* The path is built from its end, after the member was found. */
static void put_before(struct place *place, const char *key)
{
	size_t length = strlen(key), have = strlen(place->path);

	if (length + 1 + have >= sizeof(place->path))
		return;
	memmove(place->path + length + (have > 0), place->path, have + 1);
	memcpy(place->path, key, length);
	if (have > 0)
		place->path[length] = '.';
}

/* "memory_limit", "memoryLimit" and "memoryMax" are the row `limit` of the section `memory`. */
static bool find_joined(const struct hp_field *section, const struct name *name,
			struct place *place)
{
	size_t length = match_begin(name->folded, section->key);
	const char *rest = name->folded + length;
	const struct hp_field *row = length > 0 ? find_named(section->table, rest) : NULL;

	if (!row && length > 0)
		row = find_meant(section->table, rest);
	if (row)
		put_before(place, row->key);
	return row;
}

/* Looks for the object that has such a member: `table`, or a section below it. */
static void find_place(const struct hp_table *table, const struct name *name,
		       enum likeness likeness, struct place *place)
{
	place->is_found = has_row(table, name, likeness);
	for (size_t i = 0; !place->is_found && i < table->count; i++) {
		const struct hp_field *field = &table->fields[i];

		if (!field->table || !field->table->is_section)
			continue;
		if (likeness == JOINED && find_joined(field, name, place))
			place->is_found = true;
		else
			find_place(field->table, name, likeness, place);
		if (place->is_found)
			put_before(place, field->key);
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

static bool is_among(const char *const *words, const struct name *name, enum likeness likeness)
{
	struct name known;

	for (; words && *words; words++) {
		if (likeness == EXACT
			? strcmp(name->text, *words) == 0
			: fold(*words, &known) && strcmp(name->folded, known.folded) == 0)
			return true;
	}
	return false;
}

/* Refuses a member of another object of the same dialect. */
static int refuse_misplaced(const struct hp_table *table, const struct name *name,
			    enum likeness likeness, struct hp_err *err)
{
	const struct hp_table *root = table->root;
	struct place own = {0}, other = {0};

	if (!root)
		return 0;
	find_place(root, name, likeness, &own);
	if (table == root)
		find_place(root->other_root, name, likeness, &other);
	return own.is_found || other.is_found ? refuse_place(root, name, &own, &other, err) : 0;
}

/* Refuses a member of the other dialect in an inner object; for the root see refuse_misplaced(). */
static int refuse_foreign(const struct hp_table *table, const struct name *name,
			  enum likeness likeness, struct hp_err *err)
{
	const struct hp_table *root = table->root;
	struct place own = {0}, other = {0};

	if (!root || table == root)
		return 0;
	find_place(root->other_root, name, likeness, &other);
	return other.is_found ? refuse_place(root, name, &own, &other, err) : 0;
}

static int refuse_joined(const struct hp_table *table, const struct name *name, struct hp_err *err)
{
	const struct hp_table *root = table->root;
	struct place own = {0}, other = {0};

	if (!root)
		return 0;
	find_place(root, name, JOINED, &own);
	if (own.is_found)
		return hp_err_invalid(err, name->text, "unknown; did you mean \"%s\"?", own.path);
	find_place(root->other_root, name, JOINED, &other);
	if (!other.is_found)
		return 0;
	return hp_err_invalid(err, name->text, "unknown; did you mean \"%s\" of the dialect %s?",
			      other.path, root->other_root->dialect);
}

/* A word whose setting is in another object. */
static int refuse_word_elsewhere(const struct hp_table *table, const struct name *name,
				 struct hp_err *err)
{
	const struct hp_table *root = table->root;

	for (size_t i = 0; root && i < sizeof(other_words) / sizeof(other_words[0]); i++) {
		const struct other_word *word = &other_words[i];
		bool is_oci = strcmp(root->dialect, "oci") == 0;
		struct place own = {0};
		struct name meant;

		if (!word->is_for_all || strcmp(name->folded, word->word) != 0)
			continue;
		snprintf(meant.text, sizeof(meant.text), "%s",
			 is_oci ? word->oci : word->libcontainer);
		if (!fold(meant.text, &meant))
			continue;
		find_place(root, &meant, EXACT, &own);
		if (own.is_found)
			return hp_err_invalid(err, name->text, "unknown; did you mean \"%s%s%s\"?",
					      own.path, own.path[0] ? "." : "", meant.text);
	}
	return 0;
}

/* ---- all of it ---- */

/* Common members are ignored in inner objects too. */
static bool is_passed_over(const struct hp_table *table, const struct name *name)
{
	if (is_among(table->passed_over, name, EXACT))
		return true;
	return table->root && is_among(table->root->common, name, FOLDED) &&
	       !find_named(table, name->folded);
}

/* The most certain first: words with one meaning here, the same name elsewhere, similar names. */
int hp_table_refuse_unknown(const struct hp_table *table, struct hp_json_value key,
			    struct hp_err *err)
{
	struct name name;
	int r;

	if (!read_name(key, &name))
		return table->is_complete ? hp_err_invalid(err, NULL, "has an unknown member") : 0;
	if (is_passed_over(table, &name))
		return 0;
	r = refuse_other_word(table, &name, err);
	if (r == 0)
		r = refuse_file(table, &name, err);
	if (r == 0)
		r = refuse_misplaced(table, &name, EXACT, err);
	if (r == 0)
		r = refuse_similar(table, &name, 0, err);
	if (r == 0)
		r = refuse_foreign(table, &name, EXACT, err);
	if (r == 0)
		r = refuse_misplaced(table, &name, FOLDED, err);
	if (r == 0)
		r = refuse_foreign(table, &name, FOLDED, err);
	if (r == 0)
		r = refuse_similar(table, &name, SIZE_MAX, err);
	if (r == 0)
		r = refuse_joined(table, &name, err);
	if (r == 0)
		r = refuse_word_elsewhere(table, &name, err);
	if (r == 0 && table->is_complete)
		r = hp_err_invalid(err, name.text, "is not a member that this object may have");
	return r;
}

bool hp_table_recognizes(const struct hp_table *table, struct hp_json_value value)
{
	struct hp_json_value key, member;
	bool has_unknown = false;
	struct name name;

	HP_JSON_FOREACH (key, member, value) {
		bool is_read;

		if (hp_json_is_absent(member))
			continue;
		is_read = read_name(key, &name);
		if (is_read &&
		    (find_row(table, name.text) || is_among(table->passed_over, &name, EXACT)))
			return true;
		has_unknown |= !is_read || !is_among(table->common, &name, FOLDED);
	}
	return !has_unknown;
}
