/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Makes the corpora of the fuzz targets from tests/data: make_corpus DATA CORPUS. Each request
 * there is an input of "json" and "request"; its settings are one of "settings", and the request as
 * a call, followed by a NUL, one of "framing". For each there is a result for "result" and
 * "applied", and a file of runs with both for "records". It is the request of a START for
 * "to_runner", and there are some stories for "from_runner" (steps.h).
 */

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "proto/messages/applied.h"
#include "proto/messages/messages.h"
#include "proto/messages/result.h"

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct hp_buf read_file(const char *path)
{
	struct hp_buf buf = HP_BUF_INIT;
	FILE *file = fopen(path, "r");
	size_t count;

	if (!file)
		die(path);
	do {
		char *room = hp_buf_reserve(&buf, 4096);

		if (!room)
			die(path);
		count = fread(room, 1, 4096, file);
		buf.length += count;
	} while (count > 0);
	fclose(file);
	return buf;
}

static void write_file(const char *corpus, const char *target, const char *name,
		       const struct hp_buf *buf)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s/%s", corpus, target, name);
	file = fopen(path, "w");
	if (!file || fwrite(buf->data, 1, buf->length, file) != buf->length || fclose(file) != 0)
		die(path);
}

/* The size of a read, then two calls. */
static void write_framing(const char *corpus, const char *name, const struct hp_buf *text)
{
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer;

	hp_buf_append(&buf, "\xff", 1);
	hp_buf_append(&buf, "{\"method\":\"io.hookd.hooks.Run\",\"parameters\":", 45);
	hp_buf_append(&buf, text->data, text->length);
	hp_buf_append(&buf, ",\"more\":true}", 14);
	writer = hp_call_begin(&buf, "org.varlink.service.GetInfo", false, true);
	hp_call_end(&writer);
	write_file(corpus, "framing", name, &buf);
	hp_buf_free(&buf);
}

static struct hp_buf make_result(char *name, int number)
{
	struct hp_hook_result hook = {
	    .path = name,
	    .outcome = (enum hp_hook_outcome)(number % HP_HOOK_OUTCOME_COUNT),
	    .signal = number % 64 + 1,
	    .failed_errno = number + 1,
	    .failed_step = name,
	    .error = name,
	    .pid = number,
	    .oom_killed = number % 3 - 1,
	    .output = {{name, strlen(name), strlen(name)}, {name, strlen(name) + 1, 1000}},
	};
	struct hp_run_result result = {
	    .run = name,
	    .container = name,
	    .stage = (enum hp_stage)(number % HP_STAGE_COUNT),
	    .outcome = (enum hp_run_outcome)(number % HP_RUN_OUTCOME_COUNT),
	    .error = number % 2 ? name : NULL,
	    .hooks = &hook,
	    .hook_count = 1,
	};
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	hp_run_result_write(&writer, &result);
	return buf;
}

static void write_result(const char *corpus, char *name, int number)
{
	struct hp_buf buf = make_result(name, number);

	write_file(corpus, "result", name, &buf);
	hp_buf_free(&buf);
}

static void add_entry(struct hp_buf *buf, int type, const void *text, size_t length)
{
	const char part[] = {(char)type, 0x21, (char)length, (char)(length >> 8)};

	hp_buf_append(buf, part, sizeof(part));
	hp_buf_append(buf, text, length);
}

/* A begin, an end of which one byte is flipped, and the end of the file. */
static void write_records(const char *corpus, char *name, int number, const struct hp_buf *text)
{
	const char flips[] = {(char)255, (char)(number * 7), (char)(number % 3), 1};
	struct hp_buf buf = HP_BUF_INIT, result = make_result(name, number);

	add_entry(&buf, 5, "1 2", 3);
	add_entry(&buf, 1, text->data, text->length);
	add_entry(&buf, 2, name, strlen(name));
	add_entry(&buf, number % 4 ? 3 : 4, result.data, result.length);
	add_entry(&buf, 6, NULL, 0);
	hp_buf_append(&buf, flips, number % 2 ? sizeof(flips) : 0);
	write_file(corpus, "records", name, &buf);
	hp_buf_free(&result);
	hp_buf_free(&buf);
}

static void write_applied(const char *corpus, char *name, int number)
{
	struct hp_applied applied = {
	    .cgroup_path = number & 1 ? name : NULL,
	    .cgroup_created = number & 2,
	    .rdt_group = number & 2 ? name : NULL,
	    .rdt_created = number & 4,
	    .schemata = number & 4 ? (char *[]){name, name, NULL} : NULL,
	    .process = number & 8 ? (char *[]){name, NULL} : NULL,
	    .ignored = number & 1 ? (char *[]){NULL} : NULL,
	};
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_writer writer = HP_JSON_WRITER_INIT(&buf);

	hp_applied_write(&writer, &applied);
	write_file(corpus, "applied", name, &buf);
	hp_buf_free(&buf);
}

static void write_settings(const char *corpus, const char *name, const struct hp_buf *text)
{
	struct hp_json json = {0};
	struct hp_buf buf = HP_BUF_INIT;
	struct hp_json_value settings = {0};
	struct hp_err err;

	if (hp_json_parse(&json, text->data, text->length, &err) == 0)
		settings = hp_json_member(hp_json_root(&json), "settings");
	if (!hp_json_is_absent(settings)) {
		size_t length;
		const char *span = hp_json_text(settings, &length);

		hp_buf_append(&buf, span, length);
		write_file(corpus, "settings", name, &buf);
	}
	hp_buf_free(&buf);
	hp_json_free(&json);
}

/* START of r0, its first hook, LISTEN, output, its end; a new front; CANCEL and ACKNOWLEDGE. */
static void write_to_runner(const char *corpus, const char *name, const struct hp_buf *text)
{
	/* Two patches of the body: filter_count's and first's lowest bytes. */
	const char start[] = {
	    3, 0x10, 0, (char)text->length, (char)(text->length >> 8), 2, 8, 0, 0, 12, 0, 0};
	static const char then[] = "\xfc\x00\x05\x00\x00\x00\x00\x00\xfc\x0c\xfc\x24\xfd\x01"
				   "\xfe\xfd\x01\xfd\x01\x06\x80\x00\x00\x00\x00"
				   "\x04\x00\x00\x00\x00\x00\xfd\x01\x07\x00\x00\x00\x00\x00"
				   "\x02\x02\x00\x00\x00\x00\x08\x02\x00\x00\x00\x00";
	struct hp_buf buf = HP_BUF_INIT;

	hp_buf_append(&buf, start, sizeof(start));
	hp_buf_append(&buf, text->data, text->length);
	hp_buf_append(&buf, then, sizeof(then) - 1);
	write_file(corpus, "to_runner", name, &buf);
	hp_buf_free(&buf);
}

static void add_message(struct hp_buf *buf, int type, int how, int index, size_t length)
{
	const char step[] = {(char)type, (char)how, (char)index, (char)length, 0, 0};

	hp_buf_append(buf, step, sizeof(step));
	for (size_t i = 0; i < length; i++)
		hp_buf_append(buf, "x", 1);
}

/* A list of three hooks, of which the n-th fails, told twice; the number chooses the details. */
static void write_from_runner(const char *corpus, const char *name, int number)
{
	struct hp_buf buf = HP_BUF_INIT;
	int fails_at = number % 4;

	if (number & 4)
		hp_buf_append(&buf, "\xfc\x00\xfc\x17\xfc\x1f", 6);
	else
		add_message(&buf, 9, 0, 0, 0);
	for (int i = 0; i < 3 && i <= fails_at; i++) {
		add_message(&buf, 11, 0, i, 0);
		add_message(&buf, 12, 0, i, 0);
		add_message(&buf, 13, 0, i, (size_t)number % 100);
		if (number & 8 && i == 1) {
			hp_buf_append(&buf, "\xfe\xfd\x01\xfd\x01", 5);
			add_message(&buf, 1, 2, 0, 0);
			add_message(&buf, 9, 0, 0, 0);
			add_message(&buf, 14, 0x80, 0, 10);
			add_message(&buf, 10, 2, 0, 0);
		}
		add_message(&buf, 14, i == fails_at ? 0 : 0x80 | (number & 4), i,
			    (size_t)number % 50 + 1);
	}
	/* Of a hook that the list does not have: STARTED, MOVED, OUTPUT, FINISHED. */
	if (number & 16)
		add_message(&buf, 11 + number / 32 % 4, 0x80, 3, 0);
	add_message(&buf, 15, 0x80, 0, (size_t)number % 3);
	write_file(corpus, "from_runner", name, &buf);
	hp_buf_free(&buf);
}

static void make_folder(const char *corpus, const char *target)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", corpus, target);
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		die(path);
}

static void take_folder(const char *data, const char *folder, const char *corpus)
{
	char path[4096];
	struct dirent *entry;
	int number = 0;
	DIR *directory;

	snprintf(path, sizeof(path), "%s/%s", data, folder);
	directory = opendir(path);
	if (!directory)
		die(path);
	while ((entry = readdir(directory))) {
		struct hp_buf text;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", data, folder, entry->d_name);
		text = read_file(path);
		write_file(corpus, "json", entry->d_name, &text);
		write_file(corpus, "request", entry->d_name, &text);
		write_framing(corpus, entry->d_name, &text);
		write_applied(corpus, entry->d_name, number);
		write_to_runner(corpus, entry->d_name, &text);
		write_from_runner(corpus, entry->d_name, number);
		write_records(corpus, entry->d_name, number, &text);
		write_result(corpus, entry->d_name, number++);
		write_settings(corpus, entry->d_name, &text);
		hp_buf_free(&text);
	}
	closedir(directory);
}

int main(int argc, char **argv)
{
	static const char *const targets[] = {"applied", "framing",  "from_runner",
					      "json",	 "records",  "request",
					      "result",	 "settings", "to_runner"};

	if (argc != 3) {
		fprintf(stderr, "usage: %s DATA CORPUS\n", argv[0]);
		return 1;
	}
	if (mkdir(argv[2], 0777) < 0 && errno != EEXIST)
		die(argv[2]);
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
		make_folder(argv[2], targets[i]);
	take_folder(argv[1], "ok", argv[2]);
	take_folder(argv[1], "bad", argv[2]);
	take_folder(argv[1], "no_parameter", argv[2]);
	return 0;
}
