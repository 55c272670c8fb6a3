/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/hookctl/check: what is wrong in a file, and what hookd would do with it: the verbs
 * validate, explain and policy. The rules are hookd's own: its readers of JSON, and the program
 * hookd for hookd.conf.
 *
 * May use: client/delegate, client/hookctl, client/hookctl/hooks_d, client/hookctl/table,
 * proto/base, proto/json, proto/messages, proto/settings.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/hookctl/document.h"
#include "client/hookctl/hookctl.h"
#include "proto/base/arena.h"
#include "proto/base/names.h"
#include "proto/json/mistakes.h"

enum check_type {
	CHECK_CONFIG,	/* a config.json, a libcontainer Config or runc's state.json: all that is in
			   it */
	CHECK_HOOKS,	/* the object of all stages */
	CHECK_HOOKSD,	/* a file of the engines' hooks.d */
	CHECK_SETTINGS, /* process and linux of a config.json, or libcontainer's Config */
	CHECK_SECCOMP,
	CHECK_CONF, /* hookd.conf, or a drop-in */
	CHECK_TYPE_COUNT,
};
/* As --type= spells them. */
extern const char *const check_type_names[CHECK_TYPE_COUNT];

struct finding {
	char *path; /* in the document, or the key in hookd.conf; "": none */
	char *message;
	struct hp_json_place place; /* line 0: it is about the file as a whole */
};

struct findings {
	struct finding *list; /* in the order of the file */
	size_t count, capacity;
	bool failed; /* out of memory */
};

/* Copies the texts. */
void findings_add(struct findings *findings, const char *path, const char *message,
		  struct hp_json_place place);
void findings_free(struct findings *findings);
/* "FILE:LINE:COLUMN: PATH: MESSAGE\n", without what there is not. */
void finding_print(const struct finding *finding, const char *file, struct hp_buf *buf);

/* What the file seems to be, by its name and what is in it. -ENOENT: it can be nothing of these. */
int check_guess_type(const char *file, const struct document *document);
/* As the document looks; runtime-spec's if it does not tell. */
enum hp_dialect check_guess_dialect(struct hp_json_value root);

/* One document that was read and is to be looked at by hookd's readers, which go on. */
struct check {
	struct hp_json_value root;
	enum hp_dialect dialect;
	struct hp_arena arena;
};
/* Reads all of `type`. 0, or -errno for what is no mistake in the document. Not for CHECK_CONF. */
int check_read(struct check *check, enum check_type type);

/*
 * Reads `file` as `type` (-1: by itself), and adds all mistakes. `dialect` may be -1 too. -errno:
 * the file cannot be read, is too large, or (-ENOENT with *err) what it is cannot be told.
 */
int check_file(const char *file, int type, int dialect, struct findings *findings,
	       struct hp_err *err);

/*
 * The same for hookd.conf: runs the program hookd, which reads it. If nothing is wrong *warnings
 * are what hookd only warns of. -ENOENT with *err if there is no hookd.
 */
int check_conf(const char *file, struct findings *findings, struct findings *warnings,
	       struct hp_err *err);
