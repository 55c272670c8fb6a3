/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Reads the command line by one table. An option has one name, one meaning and one line of help in
 * every verb that takes it; a verb has a set of bits for those that it takes. No abbreviations: a
 * script that relies on one can break when an option is added.
 */

#include "client/hookctl/options.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "client/hookctl/terminal/nearest.h"

static const struct option_row rows[OPTION_COUNT] = {
    [OPTION_ADDRESS] = {"address", 0, "unix:PATH", false, "where hookd listens"},
    [OPTION_JSON] = {"json", 0, "pretty|short|off", true, "print JSON for programs"},
    [OPTION_J] = {NULL, 'j', NULL, false, "--json=pretty on a terminal, else --json=short"},
    [OPTION_QUIET] = {"quiet", 'q', NULL, false, "errors only; of lists the ids only"},
    [OPTION_NO_LEGEND] = {"no-legend", 0, NULL, false, "no header line above tables"},
    [OPTION_NO_PAGER] = {"no-pager", 0, NULL, false, "long output on a terminal is not paged"},
    [OPTION_HELP] = {"help", 'h', NULL, false, "show this"},
    [OPTION_VERSION] = {"version", 0, NULL, false, "show the version"},
    [OPTION_STAGE] = {"stage", 0,
		      "prestart|createRuntime|createContainer|startContainer|poststart|poststop",
		      true, "the stage of the hooks"},
    [OPTION_STATE] = {"state", 0, "FILE", false, "the container's OCI state; - is stdin"},
    [OPTION_HOOKS] = {"hooks", 0, "FILE", false, "the hooks, or a config.json; - is stdin"},
    [OPTION_SETTINGS] = {"settings", 0, "FILE", false,
			 "what the hooks, or the process, get; - is stdin"},
    [OPTION_DIALECT] = {"dialect", 0, "oci|libcontainer", true,
			"how the files are written; default: as they look"},
    [OPTION_NAMESPACES] = {"namespaces", 0, "auto|runtime|container", true, "where the hooks run"},
    [OPTION_FOLLOW] = {"follow", 'f', NULL, false, "go on with what comes, until the run ends"},
    [OPTION_REQUEST_ID] = {"request-id", 0, "ID", false, "a second run with it attaches"},
    [OPTION_ON_DISCONNECT] = {"on-disconnect", 0, "continue|cancel", true,
			      "what happens to the run when hookctl ends"},
    [OPTION_PRIVATE] = {"private", 0, "[PATH]", false,
			"in a hookd that is started for this run; PATH: its program"},
    [OPTION_PID] = {"pid", 0, "PID", false, "the process that is put under the settings"},
    [OPTION_CGROUP_MANAGER] = {"cgroup-manager", 0, "cgroupfs|systemd", true,
			       "who makes the cgroup"},
    [OPTION_ALL] = {"all", 'a', NULL, false, "runs that are done, too"},
    [OPTION_CONTAINER] = {"container", 0, "ID", false,
			  "the container; of lists also a prefix of its id"},
    [OPTION_RUN_STATE] = {"state", 0, "queued|running|done", true, "only runs in this state"},
    [OPTION_OUTCOME] = {"outcome", 0, "succeeded|failed|cancelled|lost|timed_out|spawn_failed",
			true, "only runs that ended so"},
    [OPTION_FAILED] = {"failed", 0, NULL, false, "only what did not succeed"},
    [OPTION_PATH] = {"path", 0, "GLOB", false,
		     "only with a hook of this path, or of this file name"},
    [OPTION_SINCE] = {"since", 0, "TIME", false,
		      "only newer ones: 10m (ago), yesterday, 09:30, 2026-01-31"},
    [OPTION_UNTIL] = {"until", 0, "TIME", false, "only older ones; +10m is in ten minutes"},
    [OPTION_LIMIT] = {"limit", 'n', "N", false, "the longest list; 0: all"},
    [OPTION_TAIL] = {"tail", 'n', "N", false, "only the last N lines of each hook"},
    [OPTION_STREAM] = {"stream", 0, "stdout|stderr", true, "only this one"},
    [OPTION_SORT] = {"sort", 0, "p99|failed|runs|path", true, "what comes first"},
    [OPTION_WATCH] = {"watch", 0, "[SECONDS]", false, "show it again and again, every 2 s"},
    [OPTION_NO_TRUNC] = {"no-trunc", 0, NULL, false, "cut no column"},
    [OPTION_FORMAT] = {"format", 0, "TEMPLATE", false,
		       "'{{.run}}\\t{{.path}}', 'table {{.run}}', json"},
    [OPTION_METRICS_FORMAT] = {"format", 0, "prometheus|openmetrics", true, "which text format"},
    [OPTION_PLOT_FORMAT] = {"format", 0, "svg|trace", true, "a picture, or for Perfetto"},
    [OPTION_OUTPUT] = {"output", 'o', "FILE", false, "where it is written; - is stdout"},
    [OPTION_OUTPUT_DIR] = {"output", 'o', "DIR", false, "where the files of hooks.d are written"},
    [OPTION_WAIT_TIMEOUT] = {"timeout", 0, "SECONDS", false, "how long to wait; the run goes on"},
    [OPTION_TYPE] = {"type", 0, "config|hooks|hooksd|settings|seccomp|conf", true,
		     "what the files are; default: found out"},
    [OPTION_HOOKS_DIR] = {"hooks-dir", 0, "DIR", false,
			  "a hooks.d of engines; again for those that replace its files"},
    [OPTION_UID] = {"uid", 0, "UID", false, "of the caller; default: your own"},
    [OPTION_GROUPS] = {"groups", 0, "GID,...", false, "the caller's groups"},
    [OPTION_CAPS] =
	{"caps", 0, "CAP_A,CAP_B|none", false,
	 "what a docker profile's conditions ask for; default: those of the config.json"},
    [OPTION_SHIM] = {"shim", 0, "PATH", false, "where hookd-oci-hook is installed"},
    [OPTION_IF_DOWN] = {"if-down", 0, "fail|run-local|ignore|spool", true,
			"what the shim does without hookd; spool: at poststop"},
    [OPTION_TIMEOUT] = {"timeout", 0, "SECONDS", false,
			"for all hooks of a stage; default: their sum and 30"},
};

static_assert(OPTION_COUNT < 64, "a bit for each in a uint64_t");
#define ALL_OPTIONS (OPTION_BIT(OPTION_COUNT) - 1)

const struct option_row *ctl_options_row(enum option_id id)
{
	return &rows[id];
}

static int find_name(const char *name, size_t length, uint64_t allowed)
{
	for (int i = 0; i < OPTION_COUNT; i++)
		if ((allowed & OPTION_BIT(i)) && rows[i].name != NULL &&
		    strlen(rows[i].name) == length && memcmp(rows[i].name, name, length) == 0)
			return i;
	return -ENOENT;
}

static int find_letter(char letter, uint64_t allowed)
{
	for (int i = 0; i < OPTION_COUNT; i++)
		if ((allowed & OPTION_BIT(i)) && rows[i].letter == letter)
			return i;
	return -ENOENT;
}

static bool is_choice_of(const char *list, const char *value)
{
	size_t length = strlen(value);

	for (const char *end; *list != '\0'; list = *end == '|' ? end + 1 : end) {
		end = strchrnul(list, '|');
		if ((size_t)(end - list) == length && memcmp(list, value, length) == 0)
			return true;
	}
	return false;
}

struct options_reader {
	struct ctl_options *options;
	uint64_t allowed;
	int argc, next;
	char **argv;
	char *error;
	size_t error_size;
};

__attribute__((format(printf, 2, 3))) static int fail(struct options_reader *reader,
						      const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(reader->error, reader->error_size, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* ", did you mean '--all'?", or nothing. In one buffer. */
static const char *did_you_mean(const struct nearest *nearest, const char *dashes)
{
	static char text[64];

	if (nearest->name == NULL)
		return "";
	snprintf(text, sizeof(text), ", did you mean '%s%.*s'?", dashes, (int)nearest->length,
		 nearest->name);
	return text;
}

static int fail_choice(struct options_reader *reader, const struct option_row *row,
		       const char *value)
{
	struct nearest nearest = nearest_new(value);

	nearest_offer_list(&nearest, row->argument);
	if (nearest.name != NULL)
		return fail(reader, "--%s=%s: did you mean %.*s?", row->name, value,
			    (int)nearest.length, nearest.name);
	return fail(reader, "--%s=%s: not one of %s", row->name, value, row->argument);
}

static int fail_unknown(struct options_reader *reader, const char *name, size_t length)
{
	char word[64] = "";
	struct nearest nearest;

	snprintf(word, sizeof(word), "%.*s", (int)length, name);
	nearest = nearest_new(word);
	for (int i = 0; i < OPTION_COUNT; i++)
		if ((reader->allowed & OPTION_BIT(i)) && rows[i].name != NULL)
			nearest_offer(&nearest, rows[i].name, strlen(rows[i].name));
	return fail(reader, "unknown option '--%s'%s", word, did_you_mean(&nearest, "--"));
}

static bool takes_next_word(const struct option_row *row)
{
	return row->argument != NULL && row->argument[0] != '[';
}

/* Takes the option's value: `value` if there is one, else the next word. */
static int take_value(struct options_reader *reader, int id, const char *given, const char *value)
{
	const struct option_row *row = &rows[id];

	assert(reader->allowed & OPTION_BIT(id));
	if (row->argument == NULL && value != NULL)
		return fail(reader, "%s: takes no value", given);
	if (takes_next_word(row) && value == NULL) {
		if (reader->next == reader->argc)
			return fail(reader, "%s: needs a value: %s", given, row->argument);
		value = reader->argv[reader->next++];
	}
	if (value != NULL && *value == '\0')
		return fail(reader, "--%s: the value is empty", row->name);
	if (row->is_choice && !is_choice_of(row->argument, value))
		return fail_choice(reader, row, value);
	reader->options->values[id] = value != NULL ? value : "";
	return 0;
}

/* The same for an option that may be given several times. */
static int take(struct options_reader *reader, int id, const char *given, const char *value)
{
	struct ctl_options *options = reader->options;
	int r = take_value(reader, id, given, value);

	if (r < 0 || id != OPTION_HOOKS_DIR)
		return r;
	if (options->hooks_dir_count == OPTION_HOOKS_DIRS_MAX)
		return fail(reader, "--%s: more than %d", rows[id].name, OPTION_HOOKS_DIRS_MAX);
	options->hooks_dirs[options->hooks_dir_count++] = options->values[id];
	return 0;
}

static int read_long(struct options_reader *reader, const char *word)
{
	const char *name = word + 2;
	const char *equals = strchr(name, '=');
	size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
	int id = find_name(name, length, reader->allowed);

	if (id < 0)
		return fail_unknown(reader, name, length);
	return take(reader, id, word, equals != NULL ? equals + 1 : NULL);
}

/* "-aj", "-an5", "-n 5": one that takes a value is the last. */
static int read_letters(struct options_reader *reader, const char *word)
{
	for (const char *letter = word + 1; *letter != '\0'; letter++) {
		int id = find_letter(*letter, reader->allowed);
		bool has_rest = letter[1] != '\0';
		int r;

		if (id < 0)
			return fail(reader, "unknown option '-%c'", *letter);
		if (rows[id].argument != NULL)
			return take(reader, id, word, has_rest ? letter + 1 : NULL);
		r = take(reader, id, word, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Operands are moved to the front of argv, over words that have been read. */
static void take_operand(struct options_reader *reader, char *word)
{
	assert(reader->options->operand_count < (size_t)reader->next);
	reader->options->operands[reader->options->operand_count++] = word;
}

int ctl_options_read(struct ctl_options *options, uint64_t allowed, int argc, char **argv,
		     char *ret_error, size_t size)
{
	struct options_reader reader = {options, allowed, argc, 0, argv, ret_error, size};
	bool has_ended = false;

	options->operands = argv;
	options->operand_count = 0;
	options->hooks_dir_count = 0;
	while (reader.next < argc) {
		char *word = argv[reader.next++];
		int r = 0;

		if (has_ended || word[0] != '-' || word[1] == '\0')
			take_operand(&reader, word);
		else if (strcmp(word, "--") == 0)
			has_ended = true;
		else
			r = word[1] == '-' ? read_long(&reader, word) : read_letters(&reader, word);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Of an option of any verb: whether the next word is its value. */
static bool is_before_value(const char *word)
{
	if (word[1] == '-') {
		int id = find_name(word + 2, strlen(word + 2), ALL_OPTIONS);

		return id >= 0 && takes_next_word(&rows[id]);
	}
	for (const char *letter = word + 1; *letter != '\0'; letter++) {
		int id = find_letter(*letter, ALL_OPTIONS);

		if (id >= 0 && rows[id].argument != NULL)
			return letter[1] == '\0';
	}
	return false;
}

const char *ctl_options_find_verb(int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i + 1 < argc ? argv[i + 1] : NULL;
		if (argv[i][0] != '-' || argv[i][1] == '\0')
			return argv[i];
		if (is_before_value(argv[i]))
			i++;
	}
	return NULL;
}

/* "-a, --all", "    --address=unix:PATH", "-j" */
static int print_names(FILE *file, const struct option_row *row)
{
	char letter[] = {'-', row->letter, '\0'};
	int width = fprintf(file, "  %2s", row->letter != 0 ? letter : "");

	if (row->name != NULL)
		width += fprintf(file, "%s --%s", row->letter != 0 ? "," : " ", row->name);
	if (row->argument != NULL && row->argument[0] == '[')
		width += fprintf(file, "[=%s", row->argument + 1);
	else if (row->argument != NULL)
		width += fprintf(file, "=%s", row->argument);
	return width;
}

void ctl_options_print(FILE *file, uint64_t set)
{
	const int help_column = 40;

	for (int i = 0; i < OPTION_COUNT; i++) {
		int width;

		if (!(set & OPTION_BIT(i)))
			continue;
		width = print_names(file, &rows[i]);
		if (width >= help_column) {
			fputc('\n', file);
			width = 0;
		}
		fprintf(file, "%*s%s\n", help_column - width, "", rows[i].help);
	}
}
