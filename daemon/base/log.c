/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes log lines to journald's native socket, or to stderr. Owns that socket, stderr's pipe as it
 * has opened that again, and a count of lost lines. On stderr a line without fields is its message,
 * and one with fields is NAME=VALUE for the message and each field. Whatever a value contains, it
 * cannot look like another field or line.
 *
 * hookd writes to the socket itself instead of calling sd_journal_sendv(), which blocks while
 * journald does not read. A line that the socket does not take at once is lost and counted; the
 * next line that gets through is preceded by the count.
 */
#include "daemon/base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/base/base.h"
#include "proto/json/json_writer.h"

#define LINE_BYTES 1024
#define FIELDS_MAX LOG_FIELDS_MAX
/* What may wait for journald to read it; the limit of the number of messages is the kernel's. */
#define SEND_BYTES   (8 * 1024 * 1024)
#define JOURNAL_PATH "/run/systemd/journal/socket"

static struct {
	int journal; /* -1: stderr */
	int pipe;    /* the pipe that is stderr, opened again; -1: not open */
	ino_t pipe_inode;
	int level;
	unsigned long lost; /* since the last line that got through */
	unsigned long lost_in_all;
	void (*on_lost)(void *userdata);
	void *userdata;
} log_state = {.journal = -1, .pipe = -1, .level = LOG_INFO};

/* JOURNAL_STREAM has the device and inode of the socket that is a unit's stderr: systemd.exec(5) */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

static int open_journal(void)
{
	const struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = JOURNAL_PATH};
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &(int){SEND_BYTES}, sizeof(int)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BYTES}, sizeof(int));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return take_fd(&fd);
}

/*
 * The pipe that is stderr, as an open file of this process alone: O_NONBLOCK set for stderr itself
 * would be set for the other programs that have it. -1: it cannot be opened, as without /proc, or
 * by a user whom it does not belong to.
 */
static int open_pipe_again(const struct stat *st)
{
	if (log_state.pipe >= 0 && log_state.pipe_inode == st->st_ino)
		return log_state.pipe;
	close_fd(&log_state.pipe);
	log_state.pipe = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	log_state.pipe_inode = st->st_ino;
	return log_state.pipe;
}

void log_open(enum log_target target)
{
	struct stat st;

	log_close();
	if (target == LOG_TARGET_JOURNAL || (target == LOG_TARGET_AUTO && stderr_is_journal()))
		log_state.journal = open_journal();
	/* Now, since there may be no descriptor for it later. */
	if (log_state.journal < 0 && fstat(STDERR_FILENO, &st) == 0 && S_ISFIFO(st.st_mode))
		(void)open_pipe_again(&st);
}

void log_close(void)
{
	close_fd(&log_state.journal);
	close_fd(&log_state.pipe);
}

void log_set_level(int priority)
{
	log_state.level = priority;
}

bool log_is_on(int priority)
{
	return priority <= log_state.level;
}

/* Buffer for the escaped texts of one line; text that does not fit is cut. */
struct escapes {
	char bytes[8 * LINE_BYTES];
	size_t used;
};

static bool is_ascii(char character)
{
	return character >= ' ' && character < 0x7f;
}

/* Length in bytes of the UTF-8 character at `text`; 0 where it is invalid or not printable. */
static size_t shown_bytes(const char *text)
{
	unsigned char byte = (unsigned char)text[0];
	size_t length = byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;

	if (is_ascii(text[0]))
		return 1;
	if (byte < ' ' && byte != '\n' && byte != '\t')
		return 0;
	if (byte == 0x7f || (byte == 0xc2 && (unsigned char)text[1] < 0xa0))
		return 0;
	return strnlen(text, length) == length && hp_json_is_text(text, length) ? length : 0;
}

/*
 * Replaces bytes that cannot be printed by \xNN: journalctl shows a message with such bytes, or
 * with invalid UTF-8, as "[32B blob data]". Newlines and tabs are printed.
 */
static const char *escape(struct escapes *escapes, const char *text)
{
	char *start = escapes->bytes + escapes->used, *at = start;
	const char *end = escapes->bytes + sizeof(escapes->bytes) - 1;
	const char *next = text;
	size_t length;

	while (*next && (length = shown_bytes(next)) > 0)
		next += length;
	if (*next == '\0' || at >= end)
		return *next == '\0' ? text : "";
	for (; *text && end - at > 4; text += length ? length : 1) {
		length = shown_bytes(text);
		if (length > 0)
			at = mempcpy(at, text, length);
		else
			at += snprintf(at, (size_t)(end - at), "\\x%02x", (unsigned char)*text);
	}
	*at++ = '\0';
	escapes->used += (size_t)(at - start);
	return start;
}

/* A field with a length (Journal Native Protocol), whose value may contain newlines. */
struct binary_field {
	char name_line[40];
	uint64_t length_le;
};

static int add_field(struct iovec *iov, struct binary_field *field, const char *name,
		     const char *value)
{
	size_t length = strlen(value);
	int name_length = snprintf(field->name_line, sizeof(field->name_line), "%s\n", name);

	assert(name_length > 1 && name_length < (int)sizeof(field->name_line));
	field->length_le = htole64(length);
	iov[0] = (struct iovec){field->name_line, (size_t)name_length};
	iov[1] = (struct iovec){&field->length_le, sizeof(field->length_le)};
	iov[2] = (struct iovec){(char *)value, length};
	iov[3] = (struct iovec){(char *)"\n", 1};
	return 4;
}

/* Output of a hook has the hook's name, all else hookd's. */
static bool has_identifier(const struct log_field *fields, int count)
{
	return count > 0 && strcmp(fields[0].name, "SYSLOG_IDENTIFIER") == 0;
}

/* Again, if journald has a new socket since. */
static bool send_datagram(const struct msghdr *header)
{
	if (sendmsg(log_state.journal, header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
		return true;
	if (errno != ECONNREFUSED && errno != ENOTCONN)
		return false;
	close_fd(&log_state.journal);
	log_state.journal = open_journal();
	return log_state.journal >= 0 &&
	       sendmsg(log_state.journal, header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

static bool send_to_journal(int priority, const struct log_field *fields, int count,
			    const char *message)
{
	struct binary_field binary[FIELDS_MAX + 1];
	struct iovec iov[1 + 4 * (FIELDS_MAX + 1)];
	struct msghdr header = {.msg_iov = iov};
	struct escapes escapes;
	char prefix[64];
	int used = 1, length;

	length = snprintf(prefix, sizeof(prefix), "PRIORITY=%d\n%s", priority,
			  has_identifier(fields, count) ? "" : "SYSLOG_IDENTIFIER=hookd\n");
	iov[0] = (struct iovec){prefix, (size_t)length};
	escapes.used = 0;
	used += add_field(iov + used, &binary[FIELDS_MAX], "MESSAGE", escape(&escapes, message));
	for (int i = 0; i < count; i++)
		if (fields[i].value)
			used += add_field(iov + used, &binary[i], fields[i].name,
					  escape(&escapes, fields[i].value));
	header.msg_iovlen = (size_t)used;
	return send_datagram(&header);
}

/* ---- stderr ---- */

/*
 * Replaces control characters (C0, DEL, and C1 in UTF-8): names of containers and hooks are in the
 * text, and must not control the operator's terminal.
 */
static void defuse(char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char byte = (unsigned char)text[i], next = (unsigned char)text[i + 1];

		if (byte < ' ' || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next < 0xa0))
			text[i] = '?';
	}
}

/* A line of stderr. PIPE_BUF bytes are written at once, not mixed with those of others. */
struct line {
	char bytes[PIPE_BUF];
	size_t used;
};

static bool is_plain(const char *value)
{
	static const char others[] = "-_./:@%+,";
	const char *at = value;

	while ((*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') ||
	       (*at >= 'A' && *at <= 'Z') || (*at && strchr(others, *at)))
		at++;
	return at > value && *at == '\0';
}

/*
 * The next characters of a quoted value, as they are printed; their length in *ret_printed. Returns
 * how many bytes of *text they are.
 */
static size_t print_quoted(const char *text, char printed[static 64], size_t *ret_printed)
{
	size_t length = 0;

	while (length < 63 && is_ascii(text[length]) && text[length] != '"' && text[length] != '\\')
		length++;
	if (length == 0 && (*text == '"' || *text == '\\')) {
		*ret_printed = (size_t)snprintf(printed, 64, "\\%c", *text);
		return 1;
	}
	if (length == 0 && *text != '\n' && *text != '\t')
		length = shown_bytes(text);
	if (length == 0) {
		*ret_printed = (size_t)snprintf(printed, 64, "\\x%02x", (unsigned char)*text);
		return 1;
	}
	memcpy(printed, text, length);
	*ret_printed = length;
	return length;
}

static void append(struct line *line, const char *bytes, size_t length)
{
	assert(length <= sizeof(line->bytes) - line->used);
	memcpy(line->bytes + line->used, bytes, length);
	line->used += length;
}

/* " NAME=VALUE", in quotes where needed. A value that ends beyond `end` is cut, within the quotes.
 */
static bool append_field(struct line *line, size_t end, const char *name, const char *value)
{
	bool is_quoted = !is_plain(value);
	char printed[64];
	size_t length;

	if (line->used + strlen(name) + strlen(" =\"\"") > end)
		return false;
	append(line, " ", 1);
	append(line, name, strlen(name));
	append(line, "=\"", is_quoted ? 2 : 1);
	while (*value) {
		size_t taken = print_quoted(value, printed, &length);

		if (line->used + length + strlen("\"") > end)
			break;
		append(line, printed, length);
		value += taken;
	}
	append(line, "\"", is_quoted);
	return *value == '\0';
}

/* A field that does not fit is left out: half of a name would be another name. */
static void append_fields(struct line *line, int priority, const struct log_field *fields,
			  int count, const char *message)
{
	char number[12];

	snprintf(number, sizeof(number), "%d", priority);
	(void)append_field(line, 2 * LINE_BYTES, "MESSAGE", message);
	(void)append_field(line, sizeof(line->bytes) - 1, "PRIORITY", number);
	for (int i = 0; i < count; i++) {
		size_t used = line->used;

		if (fields[i].value &&
		    !append_field(line, sizeof(line->bytes) - 1, fields[i].name, fields[i].value))
			line->used = used;
	}
}

/*
 * Without waiting, so that the event loop does not block. poll(2) alone does not suffice: the
 * runners have the same pipe, and one may fill it in between. Of PIPE_BUF bytes a pipe takes all or
 * none.
 */
static bool write_line(const struct line *line)
{
	struct pollfd poll_fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	int fd = STDERR_FILENO;
	struct stat st;

	if (fstat(fd, &st) < 0 || poll(&poll_fd, 1, 0) == 0 ||
	    (poll_fd.revents & (POLLERR | POLLHUP)) != 0)
		return false;
	if (S_ISSOCK(st.st_mode))
		return send(fd, line->bytes, line->used, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		       (ssize_t)line->used;
	if (S_ISFIFO(st.st_mode) && open_pipe_again(&st) >= 0)
		fd = log_state.pipe;
	return write(fd, line->bytes, line->used) >= 0;
}

static bool send_to_stderr(int priority, const struct log_field *fields, int count,
			   const char *message)
{
	struct line line;

	line.used = 0;
	append(&line, "hookd:", strlen("hookd:"));
	if (count > 0) {
		append_fields(&line, priority, fields, count, message);
	} else {
		line.used +=
		    (size_t)snprintf(line.bytes + line.used, LINE_BYTES + 2, " %s", message);
		defuse(line.bytes, line.used);
	}
	append(&line, "\n", 1);
	return write_line(&line);
}

static bool send_line(int priority, const struct log_field *fields, int count, const char *message)
{
	return log_state.journal >= 0 ? send_to_journal(priority, fields, count, message)
				      : send_to_stderr(priority, fields, count, message);
}

unsigned long log_lost(void)
{
	return log_state.lost_in_all;
}

void log_on_lost(void (*lost)(void *userdata), void *userdata)
{
	log_state.on_lost = lost;
	log_state.userdata = userdata;
}

bool log_tell_lost(void)
{
	char message[64];

	if (log_state.lost == 0)
		return true;
	snprintf(message, sizeof(message), "%lu log lines were lost", log_state.lost);
	if (!send_line(LOG_WARNING, NULL, 0, message))
		return false;
	log_state.lost = 0;
	return true;
}

static void lose_line(void)
{
	log_state.lost_in_all++;
	if (log_state.lost++ == 0 && log_state.on_lost)
		log_state.on_lost(log_state.userdata);
}

void log_write(int priority, const struct log_field *fields, int count, const char *format, ...)
{
	int saved_errno = errno;
	char message[LINE_BYTES];
	va_list arguments;

	assert(count <= FIELDS_MAX);
	if (!log_is_on(priority))
		return;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (!log_tell_lost() || !send_line(priority, fields, count, message))
		lose_line();
	errno = saved_errno;
}
