/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The syntax of Go's regular expressions, https://pkg.go.dev/regexp/syntax, with the flags that
 * regexp.Compile() sets. What is written alike and means something else in PCRE2 (\s, \v, $, {,3},
 * a++) is written out here, and what Go does not have is refused. Whether a text matches does not
 * depend on names of groups or on lazy operators, so these are only checked.
 *
 * Each group is a level with its flags; an operator needs an atom before it in its alternative.
 */

#include "client/hookctl/hooks_d/go_syntax.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/hookctl/hooks_d/go_chars.h"

/* Of regexp/syntax: of levels, and of a repetition with those in it. */
#define DEPTH_MAX  1000
#define REPEAT_MAX 1000

enum flags { FOLD_CASE = 1, MULTI_LINE = 2, DOT_NEWLINE = 4, UNGREEDY = 8 };

/* What stands before an operator. */
enum last { LAST_NOTHING, LAST_ATOM, LAST_OPERATOR, LAST_FLAGS };

struct level {
	unsigned int flags;
	unsigned int repeats; /* how often its most repeated part is repeated; 1: not */
};

struct reading {
	const char *start, *at;
	struct hp_buf *out;
	char *reason;
	bool is_unknown;
	enum last last;
	unsigned int last_repeats; /* of the last atom */
	size_t depth;
	struct level levels[DEPTH_MAX + 1];
};

static bool fail(struct reading *reading, const char *why)
{
	snprintf(reading->reason, GO_SYNTAX_REASON_SIZE, "%s", why);
	return false;
}

static struct level *top(struct reading *reading)
{
	return &reading->levels[reading->depth];
}

static bool has_flag(struct reading *reading, enum flags flag)
{
	return (top(reading)->flags & flag) != 0;
}

static void put(struct reading *reading, const char *text)
{
	hp_buf_append(reading->out, text, strlen(text));
}

/* An atom begins; put() its parts and then end_atom(). It may be repeated. */
static void begin_atom(struct reading *reading)
{
	put(reading, has_flag(reading, FOLD_CASE) ? "(?i:" : "(?:");
}

static void end_atom(struct reading *reading)
{
	put(reading, ")");
	reading->last = LAST_ATOM;
	reading->last_repeats = 1;
}

static void put_atom(struct reading *reading, const char *text)
{
	begin_atom(reading);
	put(reading, text);
	end_atom(reading);
}

/* ---- characters ---- */

/* `at` is at the backslash. */
static bool take_escaped(struct reading *reading, unsigned int *ret)
{
	const char *why = NULL;

	return go_take_escaped(&reading->at, ret, &why) || fail(reading, why);
}

static bool take_char(struct reading *reading, unsigned int *ret)
{
	if (*reading->at == '\\')
		return take_escaped(reading, ret);
	*ret = go_take_utf8(&reading->at);
	return true;
}

static void put_char(struct reading *reading, unsigned int point)
{
	hp_buf_format(reading->out, "\\x{%x}", point);
}

static void put_literal(struct reading *reading, unsigned int point)
{
	begin_atom(reading);
	put_char(reading, point);
	end_atom(reading);
}

/* ---- classes ---- */

static bool is_unicode_class(const char *at)
{
	return at[0] == '\\' && (at[1] == 'p' || at[1] == 'P');
}

/* \pL, \p{Lu}, \p{^Greek}: a category of one or two letters, or a script. */
static bool take_unicode_class(struct reading *reading)
{
	bool is_negated = reading->at[1] == 'P', has_braces = reading->at[2] == '{';
	const char *name = reading->at + 2 + has_braces;
	size_t length;

	if (has_braces && *name == '^') {
		is_negated = !is_negated;
		name++;
	}
	for (length = 0; go_is_word(name[length]) && (has_braces || length == 0); length++)
		continue;
	if (length == 0 || length > 40 || (has_braces && name[length] != '}'))
		return fail(reading, "\\p needs the name of a class of Unicode");
	/* Go folds the case of a class, PCRE2 does not. */
	reading->is_unknown |= has_flag(reading, FOLD_CASE);
	hp_buf_format(reading->out, "\\%c{%s%.*s}", is_negated ? 'P' : 'p',
		      length > 2 && strncmp(name, "Any}", 4) != 0 ? "sc:" : "", (int)length, name);
	reading->at = name + length + has_braces;
	return true;
}

/* [:alpha:], [:^alpha:] within brackets. */
static bool take_posix_class(struct reading *reading, const char *end)
{
	bool is_negated = reading->at[2] == '^';
	const char *name = reading->at + 2 + is_negated;
	const struct go_class *class = go_class_posix(name, (size_t)(end - name));

	if (class != NULL) {
		go_class_put(class, is_negated, reading->out);
		reading->at = end + 2;
		return true;
	}
	return fail(reading, "one of its classes [:NAME:] is not known");
}

static bool take_range(struct reading *reading)
{
	unsigned int low, high;

	if (!take_char(reading, &low))
		return false;
	high = low;
	if (reading->at[0] == '-' && reading->at[1] != ']') {
		reading->at++;
		if (*reading->at == '\0')
			return fail(reading, "a ] is missing");
		if (!take_char(reading, &high))
			return false;
	}
	if (high < low)
		return fail(reading, "a range in its brackets ends before it begins");
	go_put_range(reading->out, low, high);
	return true;
}

static bool take_class_element(struct reading *reading)
{
	const struct go_class *perl = go_class_perl(reading->at);
	const char *end = NULL;

	if (reading->at[0] == '[' && reading->at[1] == ':')
		end = strstr(reading->at + 2, ":]");
	if (end != NULL)
		return take_posix_class(reading, end);
	if (is_unicode_class(reading->at))
		return take_unicode_class(reading);
	if (perl == NULL)
		return take_range(reading);
	go_class_put(perl, reading->at[1] < 'a', reading->out);
	reading->at += 2;
	return true;
}

/* \d outside of brackets. */
static bool take_class_alone(struct reading *reading)
{
	const struct go_class *perl = go_class_perl(reading->at);

	begin_atom(reading);
	if (perl != NULL) {
		/* Not by its complement: a folded case counts before it is negated. */
		put(reading, reading->at[1] < 'a' ? "[^" : "[");
		go_class_put(perl, false, reading->out);
		put(reading, "]");
		reading->at += 2;
	} else if (!take_unicode_class(reading)) {
		return false;
	}
	end_atom(reading);
	return true;
}

static bool take_class(struct reading *reading)
{
	bool is_first = true;

	begin_atom(reading);
	put(reading, "[");
	reading->at++;
	if (*reading->at == '^') {
		put(reading, "^");
		reading->at++;
	}
	for (; *reading->at != ']' || is_first; is_first = false) {
		if (*reading->at == '\0')
			return fail(reading, "a ] is missing");
		if (!take_class_element(reading))
			return false;
	}
	reading->at++;
	put(reading, "]");
	end_atom(reading);
	return true;
}

/* ---- groups and flags ---- */

static bool open_group(struct reading *reading, unsigned int flags)
{
	if (reading->depth == DEPTH_MAX)
		return fail(reading, "it nests too deeply");
	put(reading, "(?:");
	reading->levels[++reading->depth] = (struct level){flags, 1};
	reading->last = LAST_NOTHING;
	return true;
}

static bool close_group(struct reading *reading)
{
	if (*reading->at != ')' || reading->depth == 0)
		return fail(reading, "a ) has no ( before it");
	reading->at++;
	put(reading, ")");
	reading->last = LAST_ATOM;
	reading->last_repeats = top(reading)->repeats;
	reading->depth--;
	return true;
}

/* (?P<name>, (?<name>. At the name. */
static bool take_named_group(struct reading *reading)
{
	const char *name = reading->at;
	size_t length = 0, whole;

	while (go_is_word(name[length]))
		length++;
	if (length == 0 || name[length] != '>')
		return fail(reading, "the name of a group is missing or wrong");
	/* With the brackets. */
	whole = length + 2;
	for (const char *at = reading->start; at + whole < name; at++)
		if (at[0] == '?' && strncmp(at + 1 + (at[1] == 'P'), name - 1, whole) == 0)
			return fail(reading, "two groups have one name");
	reading->at += length + 1;
	return open_group(reading, top(reading)->flags);
}

static unsigned int flag_of(char letter)
{
	switch (letter) {
	case 'i':
		return FOLD_CASE;
	case 'm':
		return MULTI_LINE;
	case 's':
		return DOT_NEWLINE;
	case 'U':
		return UNGREEDY;
	default:
		return 0;
	}
}

/* (?i), (?i-s:. Behind the question mark. */
static bool take_flags(struct reading *reading)
{
	unsigned int flags = top(reading)->flags, flag;
	bool is_negative = false, has_flag_behind_minus = false;

	for (;; reading->at++) {
		flag = flag_of(*reading->at);
		if (flag != 0 && is_negative)
			flags &= ~flag;
		else if (flag != 0)
			flags |= flag;
		else if (*reading->at != '-' || is_negative)
			break;
		has_flag_behind_minus |= flag != 0 && is_negative;
		is_negative |= flag == 0;
	}
	if ((*reading->at != ':' && *reading->at != ')') || (is_negative && !has_flag_behind_minus))
		return fail(reading, "Go knows no such group with (?");
	if (*reading->at++ == ':')
		return open_group(reading, flags);
	top(reading)->flags = flags;
	if (reading->last != LAST_NOTHING)
		reading->last = LAST_FLAGS;
	return true;
}

static bool take_group(struct reading *reading)
{
	reading->at++;
	if (*reading->at != '?')
		return open_group(reading, top(reading)->flags);
	reading->at++;
	if (strncmp(reading->at, "P<", 2) == 0 || *reading->at == '<') {
		reading->at += *reading->at == 'P';
		reading->at++;
		return take_named_group(reading);
	}
	return take_flags(reading);
}

/* ---- operators ---- */

/* What stands before it may be repeated. */
static bool check_operand(struct reading *reading)
{
	if (reading->last == LAST_NOTHING)
		return fail(reading, "there is nothing before one of its operators");
	if (reading->last == LAST_OPERATOR)
		return fail(reading, "an operator stands behind another one");
	reading->is_unknown |= reading->last == LAST_FLAGS;
	return true;
}

static void end_operator(struct reading *reading)
{
	reading->at += *reading->at == '?'; /* lazy */
	if (reading->last_repeats > top(reading)->repeats)
		top(reading)->repeats = reading->last_repeats;
	reading->last = LAST_OPERATOR;
}

static bool take_operator(struct reading *reading)
{
	char operator[2] = {*reading->at++, '\0'};

	if (!check_operand(reading))
		return false;
	put(reading, operator);
	end_operator(reading);
	return true;
}

/* False for what Go does not take for a number here. More than REPEAT_MAX for more. */
static bool take_number(const char **at, unsigned int *ret)
{
	if (!go_is_digit(**at) || (**at == '0' && go_is_digit((*at)[1])))
		return false;
	for (*ret = 0; go_is_digit(**at); (*at)++)
		*ret = *ret > REPEAT_MAX ? *ret : *ret * 10 + (unsigned int)(**at - '0');
	return true;
}

struct counts {
	unsigned int min, max;
	bool has_max;
};

/* "{2}", "{2,}", "{2,3}". False for anything else, which stands for itself. */
static bool read_counts(const char **at, struct counts *ret)
{
	const char *next = *at + 1;

	if (!take_number(&next, &ret->min))
		return false;
	ret->max = ret->min;
	ret->has_max = true;
	if (*next == ',') {
		next++;
		ret->has_max = *next != '}';
		if (ret->has_max && !take_number(&next, &ret->max))
			return false;
	}
	if (*next != '}')
		return false;
	*at = next + 1;
	return true;
}

static bool check_counts(struct reading *reading, const struct counts *counts)
{
	unsigned int times = counts->has_max ? counts->max : counts->min;

	if (counts->min > REPEAT_MAX || counts->max > REPEAT_MAX)
		return fail(reading, "a part is repeated more than 1000 times");
	if (counts->has_max && counts->min > counts->max)
		return fail(reading, "the counts of a repetition are in the wrong order");
	if (counts->has_max && counts->max == 0)
		reading->last_repeats = 1;
	else if (times > 0)
		reading->last_repeats *= times;
	if (times >= 2 && reading->last_repeats > REPEAT_MAX)
		return fail(reading, "a part is repeated more than 1000 times");
	return true;
}

static bool take_repetition(struct reading *reading)
{
	struct counts counts;

	if (!read_counts(&reading->at, &counts)) {
		put_literal(reading, go_take_utf8(&reading->at));
		return true;
	}
	if (!check_operand(reading) || !check_counts(reading, &counts))
		return false;
	if (counts.has_max)
		hp_buf_format(reading->out, "{%u,%u}", counts.min, counts.max);
	else
		hp_buf_format(reading->out, "{%u,}", counts.min);
	end_operator(reading);
	return true;
}

/* ---- all ---- */

static void take_quoted(struct reading *reading)
{
	reading->at += 2;
	if (reading->last != LAST_NOTHING)
		reading->last = LAST_FLAGS;
	while (*reading->at != '\0' && strncmp(reading->at, "\\E", 2) != 0)
		put_literal(reading, go_take_utf8(&reading->at));
	if (*reading->at != '\0')
		reading->at += 2;
}

static bool take_backslash(struct reading *reading)
{
	static const char *const same[] = {"\\A", "\\b", "\\B", "\\z"};
	unsigned int point;

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		if (strncmp(reading->at, same[i], 2) != 0)
			continue;
		put_atom(reading, same[i]);
		reading->at += 2;
		return true;
	}
	if (reading->at[1] == 'Q') {
		take_quoted(reading);
		return true;
	}
	if (go_class_perl(reading->at) != NULL || is_unicode_class(reading->at))
		return take_class_alone(reading);
	if (!take_escaped(reading, &point))
		return false;
	put_literal(reading, point);
	return true;
}

static bool take_next(struct reading *reading)
{
	switch (*reading->at) {
	case '(':
		return take_group(reading);
	case ')':
		return close_group(reading);
	case '[':
		return take_class(reading);
	case '\\':
		return take_backslash(reading);
	case '*':
	case '+':
	case '?':
		return take_operator(reading);
	case '{':
		return take_repetition(reading);
	case '|':
		put(reading, "|");
		reading->last = LAST_NOTHING;
		break;
	case '^':
		put_atom(reading, has_flag(reading, MULTI_LINE) ? "(?m:^)" : "\\A");
		break;
	case '$':
		put_atom(reading, has_flag(reading, MULTI_LINE) ? "(?m:$)" : "\\z");
		break;
	case '.':
		put_atom(reading, has_flag(reading, DOT_NEWLINE) ? "(?s:.)" : "[^\\n]");
		break;
	default:
		put_literal(reading, go_take_utf8(&reading->at));
		return true;
	}
	reading->at++;
	return true;
}

enum go_syntax_answer go_syntax_translate(const char *expression, struct hp_buf *ret,
					  char ret_reason[static GO_SYNTAX_REASON_SIZE])
{
	struct reading *reading = calloc(1, sizeof(*reading));
	enum go_syntax_answer answer = GO_SYNTAX_UNKNOWN;
	bool is_right = reading != NULL;

	if (reading == NULL) {
		ret->failed = true;
		return GO_SYNTAX_UNKNOWN;
	}
	reading->start = reading->at = expression;
	reading->out = ret;
	reading->reason = ret_reason;
	reading->levels[0].repeats = 1;
	while (is_right && *reading->at != '\0')
		is_right = take_next(reading);
	if (is_right && reading->depth > 0)
		is_right = fail(reading, "a ) is missing");
	if (!is_right)
		answer = GO_SYNTAX_WRONG;
	else if (!reading->is_unknown)
		answer = GO_SYNTAX_OK;
	free(reading);
	return answer;
}
