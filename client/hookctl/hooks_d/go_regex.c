/* SPDX-License-Identifier: Apache-2.0 */

/* Go's regular expressions by regcomp(3), where the two agree. No state. */

#include "client/hookctl/hooks_d/go_regex.h"

#include <regex.h>
#include <string.h>

/*
 * What regcomp(3) does not know, or takes for something else: flags and groups with a '?', classes
 * such as \d, lazy operators; and a backslash in brackets, which POSIX takes for itself.
 */
static bool is_gos_alone(const char *expression)
{
	bool in_brackets = false;

	for (const char *at = expression; *at; at++) {
		if (*at == '\\' &&
		    (in_brackets || (at[1] && strchr("dDpPQEAzaftnrvxC01234567890<>`'", at[1]))))
			return true;
		if (*at == '\\' && at[1]) {
			at++;
		} else if (in_brackets) {
			in_brackets = *at != ']';
		} else if (*at == '[') {
			in_brackets = true;
			at += at[1] == '^';
			at += at[1] == ']';
		} else if (at[0] && at[1] == '?' && strchr("(*+?}", at[0])) {
			return true;
		}
	}
	return false;
}

bool go_regex_check(const char *expression, char ret_reason[static GO_REGEX_REASON_SIZE])
{
	regex_t regex;
	int r;

	if (is_gos_alone(expression))
		return true;
	r = regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB);
	if (r == 0)
		regfree(&regex);
	else
		regerror(r, &regex, ret_reason, GO_REGEX_REASON_SIZE);
	return r == 0;
}

enum go_regex_answer go_regex_match(const char *expression, const char *text)
{
	regex_t regex;
	int r;

	if (is_gos_alone(expression) || regcomp(&regex, expression, REG_EXTENDED | REG_NOSUB) != 0)
		return GO_REGEX_UNKNOWN;
	r = regexec(&regex, text, 0, NULL, 0);
	regfree(&regex);
	if (r == 0)
		return GO_REGEX_YES;
	return r == REG_NOMATCH ? GO_REGEX_NO : GO_REGEX_UNKNOWN;
}
