/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owns the list of holdings and its file, which has two tables: one row for each container, and one
 * row for each object that was created for it. Every change is a transaction of its own. A new
 * object is written to the file before it is added to the list; if that fails it is not created.
 */
#include "daemon/apply/holdings.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "daemon/apply/holdings_database.h"
#include "daemon/base/file.h"
#include "daemon/database/database_file.h"

static_assert(HOLDING_MAKING == 0 && HOLDING_HELD == 1 && HOLDING_CHANGING == 2 &&
		  HOLDING_REMOVING == 3 && HOLDING_STATE_COUNT == 4,
	      "numbers in the file");
static_assert(CREATED_CGROUP == 0 && CREATED_UNIT == 1 && CREATED_RDT_GROUP == 2 &&
		  CREATED_RDT_MON_GROUP == 3 && CREATED_KIND_COUNT == 4,
	      "numbers in the file");

/* Of changes. Each is compiled once: that takes longer than to run it. */
enum change {
	CHANGE_WRITE,
	CHANGE_ADD_CREATED,
	CHANGE_REMOVE_CREATED,
	CHANGE_ERASE_CREATED,
	CHANGE_ERASE,
	CHANGE_COUNT,
};

struct holdings {
	sqlite3 *database;		     /* NULL: in memory only */
	sqlite3_stmt *changes[CHANGE_COUNT]; /* NULL: not used yet */
	int64_t next_row;		     /* used if there is no database */
	TAILQ_HEAD(, holding) list;
};

/* ---- the list ---- */

static struct created *created_free(struct created *created)
{
	free(created->name);
	free(created);
	return NULL;
}

static void holding_free(struct holding *holding)
{
	struct created *created;

	while ((created = TAILQ_FIRST(&holding->created))) {
		TAILQ_REMOVE(&holding->created, created, link);
		created_free(created);
	}
	free(holding->container);
	free(holding->cgroup_path);
	free(holding->unit);
	free(holding->mark);
	free(holding->uncertain);
	free(holding->former_path);
	free(holding->former_group);
	free(holding->rdt_group);
	free(holding->ignored);
	free(holding->unit_files);
	free(holding);
}

static struct holding *holding_new(const char *container)
{
	struct holding *holding = calloc(1, sizeof(*holding));

	if (!holding)
		return NULL;
	TAILQ_INIT(&holding->created);
	holding->container = strdup(container);
	if (!holding->container) {
		free(holding);
		return NULL;
	}
	return holding;
}

static int list_created(struct holding *holding, int64_t row, enum created_kind kind,
			const char *name)
{
	struct created *created = calloc(1, sizeof(*created));

	if (!created)
		return -ENOMEM;
	created->row = row;
	created->kind = kind;
	created->name = strdup(name);
	if (!created->name) {
		free(created);
		return -ENOMEM;
	}
	TAILQ_INSERT_HEAD(&holding->created, created, link);
	return 0;
}

struct holding *holdings_first(struct holdings *holdings)
{
	return TAILQ_FIRST(&holdings->list);
}

struct holding *holdings_next(struct holding *holding)
{
	return TAILQ_NEXT(holding, link);
}

struct holding *holdings_find(struct holdings *holdings, const char *container)
{
	struct holding *holding;

	TAILQ_FOREACH (holding, &holdings->list, link)
		if (strcmp(holding->container, container) == 0)
			return holding;
	return NULL;
}

struct created *holding_find_created(const struct holding *holding, enum created_kind kind)
{
	struct created *created;

	TAILQ_FOREACH (created, &holding->created, link)
		if (created->kind == kind)
			break;
	return created;
}

bool holding_has_created(const struct holding *holding, enum created_kind kind)
{
	return holding_find_created(holding, kind) != NULL;
}

/* ---- reading the file ---- */

static char *text_or_null(sqlite3_stmt *statement, int column, int *r)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	char *copy = text ? strdup(text) : NULL;

	if (text && !copy)
		*r = -ENOMEM;
	return copy;
}

/* Older versions did not record which settings an Update changes. No Update sets one named "?". */
#define UNCERTAIN_UNNAMED "?,"

/* A hookd that was killed during an Update may have changed any of the settings, or none. */
static int read_state(struct holding *holding, int state)
{
	if (state == HOLDING_CHANGING && !holding->uncertain) {
		holding->uncertain = strdup(UNCERTAIN_UNNAMED);
		if (!holding->uncertain)
			return -ENOMEM;
	}
	holding->is_update_interrupted = holding->uncertain;
	holding->state = state == HOLDING_MAKING || state == HOLDING_REMOVING
			     ? (enum holding_state)state
			     : HOLDING_HELD;
	/* In HELD systemd had confirmed the start. Otherwise the unit's mark is read before use. */
	holding->is_unit_ours = holding->state == HOLDING_HELD;
	return 0;
}

/* A path as cgroup_path_read() returns it. Another program may have changed the file. */
static bool is_cgroup_path(const char *path)
{
	if (path[0] != '/')
		return false;
	for (const char *at = path; (at = strstr(at, "/..")); at++)
		if (at[3] == '/' || at[3] == '\0')
			return false;
	return true;
}

static bool is_rdt_group(const char *name)
{
	return strcmp(name, "/") == 0 ||
	       (name[0] && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0);
}

/* The former path is the kernel's: with a cgroup namespace it may have "..". It is only opened. */
static bool is_plausible(const struct holding *holding)
{
	return holding->pid > 0 &&
	       (!holding->cgroup_path || is_cgroup_path(holding->cgroup_path)) &&
	       (!holding->former_path || holding->former_path[0] == '/') &&
	       (!holding->rdt_group || is_rdt_group(holding->rdt_group));
}

static int read_holding(struct holdings *holdings, sqlite3_stmt *statement)
{
	const char *container = (const char *)sqlite3_column_text(statement, 0);
	struct holding *holding = container ? holding_new(container) : NULL;
	int r = 0;

	if (!holding)
		return container ? -ENOMEM : -EILSEQ;
	holding->pid = sqlite3_column_int(statement, 1);
	holding->start_time = (uint64_t)sqlite3_column_int64(statement, 2);
	holding->uid = (uid_t)sqlite3_column_int64(statement, 3);
	holding->is_systemd = sqlite3_column_int(statement, 5);
	holding->cgroup_path = text_or_null(statement, 6, &r);
	holding->unit = text_or_null(statement, 7, &r);
	holding->rdt_group = text_or_null(statement, 8, &r);
	holding->attributes_set = (unsigned int)sqlite3_column_int64(statement, 9);
	holding->ignored = text_or_null(statement, 10, &r);
	holding->former_path = text_or_null(statement, 11, &r);
	holding->former_group = text_or_null(statement, 12, &r);
	holding->mark = text_or_null(statement, 13, &r);
	holding->uncertain = text_or_null(statement, 14, &r);
	holding->unit_files = text_or_null(statement, 15, &r);
	holding->has_closid = sqlite3_column_int(statement, 16);
	TAILQ_INSERT_TAIL(&holdings->list, holding, link);
	if (r == 0 && !is_plausible(holding))
		r = -EILSEQ;
	return r < 0 ? r : read_state(holding, sqlite3_column_int(statement, 4));
}

static int read_created(struct holdings *holdings, sqlite3_stmt *statement)
{
	const char *container = (const char *)sqlite3_column_text(statement, 1);
	int kind = sqlite3_column_int(statement, 2);
	const char *name = (const char *)sqlite3_column_text(statement, 3);
	struct holding *holding = container ? holdings_find(holdings, container) : NULL;

	if (!holding || !name || kind < 0 || kind >= CREATED_KIND_COUNT)
		return -EILSEQ;
	if (kind == CREATED_CGROUP && !is_cgroup_path(name))
		return -EILSEQ;
	return list_created(holding, sqlite3_column_int64(statement, 0), (enum created_kind)kind,
			    name);
}

static int read_rows(struct holdings *holdings, const char *sql,
		     int (*read)(struct holdings *, sqlite3_stmt *))
{
	sqlite3_stmt *statement;
	int r = database_prepare(holdings->database, sql, &statement);
	int result = SQLITE_DONE;

	while (r == 0 && (result = sqlite3_step(statement)) == SQLITE_ROW)
		r = read(holdings, statement);
	sqlite3_finalize(statement);
	return r < 0 ? r : database_error(result);
}

static int read_all(struct holdings *holdings)
{
	int r = read_rows(holdings, "SELECT " HOLDING_COLUMNS " FROM holding ORDER BY rowid",
			  read_holding);

	return r < 0 ? r
		     : read_rows(holdings, "SELECT " CREATED_COLUMNS " FROM made ORDER BY id",
				 read_created);
}

static void forget_all(struct holdings *holdings)
{
	struct holding *holding;

	while ((holding = TAILQ_FIRST(&holdings->list))) {
		TAILQ_REMOVE(&holdings->list, holding, link);
		holding_free(holding);
	}
	for (int i = 0; i < CHANGE_COUNT; i++)
		sqlite3_finalize(take_ptr(holdings->changes[i]));
	sqlite3_close(holdings->database);
	holdings->database = NULL;
}

static int open_file(struct holdings *holdings, const char *path, enum database_open_mode mode)
{
	int r = holdings_database_open(path, mode, &holdings->database);

	if (r == 0)
		r = read_all(holdings);
	if (r < 0)
		forget_all(holdings);
	return r;
}

static int open_in(struct holdings *holdings, const char *path, int directory)
{
	int r = database_file_check(directory, HOLDINGS_FILE);
	bool is_new = r == 1;

	if (r >= 0)
		r = open_file(holdings, path, is_new ? DATABASE_NEW : DATABASE_CHECK);
	if (r < 0 && is_new)
		database_file_take_back(directory, HOLDINGS_FILE);
	return r;
}

static int open_or_begin(struct holdings *holdings, const char *directory, bool *ret_set_aside)
{
	char path[PATH_MAX + sizeof("/" HOLDINGS_FILE)], real[PATH_MAX];
	cleanup_close int fd = -1;
	int r;

	/* SQLITE_OPEN_NOFOLLOW refuses a symbolic link in any component of the path. */
	if (!realpath(directory, real))
		return -errno;
	fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s/" HOLDINGS_FILE, real);
	r = open_in(holdings, path, fd);
	if (r == -EBADMSG) {
		r = database_file_copy_aside(fd, HOLDINGS_FILE);
		*ret_set_aside = r == 0;
		if (r == 0)
			r = open_file(holdings, path, DATABASE_REPAIR);
	}
	if (r != -EILSEQ)
		return r;
	*ret_set_aside = true;
	r = database_file_set_aside(fd, HOLDINGS_FILE);
	return r < 0 ? r : open_in(holdings, path, fd);
}

int holdings_open(const char *directory, struct holdings **ret_holdings, bool *ret_set_aside)
{
	struct holdings *holdings = calloc(1, sizeof(*holdings));
	int r;

	*ret_set_aside = false;
	if (!holdings)
		return -ENOMEM;
	TAILQ_INIT(&holdings->list);
	r = directory ? open_or_begin(holdings, directory, ret_set_aside) : 0;
	if (r < 0) {
		free(holdings);
		return r;
	}
	*ret_holdings = holdings;
	return 0;
}

struct holdings *holdings_close(struct holdings *holdings)
{
	if (!holdings)
		return NULL;
	forget_all(holdings);
	free(holdings);
	return NULL;
}

/* ---- changes ---- */

/* Of HOLDING_COLUMNS. */
#define HOLDING_VALUES "?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17"

static const char *const changes[CHANGE_COUNT] = {
    [CHANGE_WRITE] =
	"INSERT OR REPLACE INTO holding (" HOLDING_COLUMNS ", checksum) VALUES (" HOLDING_VALUES
	", checksum(boot_id(), " HOLDING_VALUES "))",
    [CHANGE_ADD_CREATED] = "INSERT INTO made SELECT *, " CREATED_CHECKSUM " FROM (SELECT "
			   "(SELECT coalesce(max(id), 0) + 1 FROM made) AS id, "
			   "? AS container, ? AS kind, ? AS name)",
    [CHANGE_REMOVE_CREATED] = "DELETE FROM made WHERE id = ?",
    [CHANGE_ERASE_CREATED] = "DELETE FROM made WHERE container = ?",
    [CHANGE_ERASE] = "DELETE FROM holding WHERE container = ?",
};

/* The statement, whose values the caller binds. NULL without a database. */
static int change_statement(struct holdings *holdings, enum change change, sqlite3_stmt **ret)
{
	int r = 0;

	if (!holdings->changes[change])
		r = database_prepare(holdings->database, changes[change],
				     &holdings->changes[change]);
	*ret = holdings->changes[change];
	return r;
}

int holdings_written(int r, struct hp_err *err)
{
	return r < 0 ? hp_err_setting(err, r, NULL, "cannot write " HOLDINGS_FILE ": %s",
				      strerror(-r))
		     : 0;
}

/* The state that a restarted hookd must read: the removal of a leftover goes on. */
static int state_to_write(const struct holding *holding)
{
	if (holding->is_leftover && holding->state == HOLDING_HELD)
		return HOLDING_REMOVING;
	return (int)holding->state;
}

int holdings_write(struct holdings *holdings, const struct holding *holding)
{
	sqlite3_stmt *statement;
	int r = change_statement(holdings, CHANGE_WRITE, &statement);

	if (r < 0)
		return r;
	database_bind_text(statement, 1, holding->container);
	database_bind_int(statement, 2, holding->pid);
	database_bind_int(statement, 3, (int64_t)holding->start_time);
	database_bind_int(statement, 4, holding->uid);
	database_bind_int(statement, 5, state_to_write(holding));
	database_bind_int(statement, 6, holding->is_systemd);
	database_bind_text(statement, 7, holding->cgroup_path);
	database_bind_text(statement, 8, holding->unit);
	database_bind_text(statement, 9, holding->rdt_group);
	database_bind_int(statement, 10, holding->attributes_set);
	database_bind_text(statement, 11, holding->ignored);
	database_bind_text(statement, 12, holding->former_path);
	database_bind_text(statement, 13, holding->former_group);
	database_bind_text(statement, 14, holding->mark);
	database_bind_text(statement, 15, holding->uncertain);
	database_bind_text(statement, 16, holding->unit_files);
	database_bind_int(statement, 17, holding->has_closid);
	return database_run(statement);
}

int holdings_enter(struct holdings *holdings, struct holding *holding, enum holding_state state)
{
	static const bool follows[HOLDING_STATE_COUNT][HOLDING_STATE_COUNT] = {
	    [HOLDING_MAKING] = {[HOLDING_HELD] = true, [HOLDING_REMOVING] = true},
	    [HOLDING_HELD] = {[HOLDING_CHANGING] = true, [HOLDING_REMOVING] = true},
	    [HOLDING_CHANGING] = {[HOLDING_HELD] = true},
	    [HOLDING_REMOVING] = {[HOLDING_HELD] = true},
	};

	assert(follows[holding->state][state]);
	holding->state = state;
	return holdings_write(holdings, holding);
}

static int copy_text(const char *text, char **ret)
{
	*ret = text ? strdup(text) : NULL;
	return text && !*ret ? -ENOMEM : 0;
}

/* A new mark for each Apply: units can have the same name. */
static int make_mark(struct holding *holding)
{
	uint64_t number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -EIO;
	return asprintf(&holding->mark, "%016" PRIx64, number) < 0 ? -ENOMEM : 0;
}

int holdings_add(struct holdings *holdings, const char *container, const struct holding *from,
		 struct holding **ret_holding)
{
	struct holding *holding;
	int r;

	if (holdings_find(holdings, container))
		return -EEXIST;
	holding = holding_new(container);
	if (!holding)
		return -ENOMEM;
	holding->pid = from->pid;
	holding->start_time = from->start_time;
	holding->uid = from->uid;
	holding->has_closid = from->has_closid;
	r = make_mark(holding);
	if (r == 0)
		r = copy_text(from->former_path, &holding->former_path);
	if (r == 0)
		r = copy_text(from->former_group, &holding->former_group);
	if (r == 0)
		r = copy_text(from->cgroup_path, &holding->cgroup_path);
	if (r == 0)
		r = copy_text(from->rdt_group, &holding->rdt_group);
	if (r == 0)
		r = holdings_write(holdings, holding);
	if (r < 0) {
		holding_free(holding);
		return r;
	}
	TAILQ_INSERT_TAIL(&holdings->list, holding, link);
	*ret_holding = holding;
	return 0;
}

int holdings_add_created(struct holdings *holdings, struct holding *holding, enum created_kind kind,
			 const char *name)
{
	sqlite3_stmt *statement;
	int64_t row = ++holdings->next_row;
	int r = change_statement(holdings, CHANGE_ADD_CREATED, &statement);

	if (r < 0)
		return r;
	database_bind_text(statement, 1, holding->container);
	database_bind_int(statement, 2, kind);
	database_bind_text(statement, 3, name);
	r = database_run(statement);
	if (r < 0)
		return r;
	if (holdings->database)
		row = sqlite3_last_insert_rowid(holdings->database);
	return list_created(holding, row, kind, name);
}

int holdings_remove_created(struct holdings *holdings, struct holding *holding,
			    struct created *created)
{
	sqlite3_stmt *statement;
	int r = change_statement(holdings, CHANGE_REMOVE_CREATED, &statement);

	if (r == 0) {
		database_bind_int(statement, 1, created->row);
		r = database_run(statement);
	}
	TAILQ_REMOVE(&holding->created, created, link);
	created_free(created);
	return r;
}

int holdings_forget_unit(struct holdings *holdings, struct holding *holding)
{
	struct created *created = holding_find_created(holding, CREATED_UNIT);
	int r = created ? holdings_remove_created(holdings, holding, created) : 0;

	free(take_ptr(holding->unit));
	free(take_ptr(holding->cgroup_path));
	holding->is_unit_ours = false;
	return r;
}

int holdings_erase(struct holdings *holdings, struct holding *holding)
{
	static const enum change erasures[] = {CHANGE_ERASE_CREATED, CHANGE_ERASE};
	int r = 0;

	assert(holding->state == HOLDING_MAKING || holding->state == HOLDING_REMOVING);
	for (size_t i = 0; r == 0 && i < ELEMENTS(erasures); i++) {
		sqlite3_stmt *statement;

		r = change_statement(holdings, erasures[i], &statement);
		if (r < 0)
			break;
		database_bind_text(statement, 1, holding->container);
		r = database_run(statement);
	}
	return r;
}

void holdings_remove(struct holdings *holdings, struct holding *holding)
{
	assert(holding->state == HOLDING_MAKING || holding->state == HOLDING_REMOVING);
	assert(!holding->watch && !holding->unit_watch && !holding->rdt_member);
	TAILQ_REMOVE(&holdings->list, holding, link);
	holding_free(holding);
}
