/* SPDX-License-Identifier: Apache-2.0 */

/* The small parts of Go's regular expressions. No state. */

#include "client/hookctl/hooks_d/go_chars.h"

#include <stdlib.h>
#include <string.h>

bool go_is_digit(char letter)
{
	return letter >= '0' && letter <= '9';
}

static bool is_octal(char letter)
{
	return letter >= '0' && letter <= '7';
}

bool go_is_word(char letter)
{
	return go_is_digit(letter) || (letter >= 'A' && letter <= 'Z') ||
	       (letter >= 'a' && letter <= 'z') || letter == '_';
}

/* ---- characters ---- */

unsigned int go_take_utf8(const char **at)
{
	unsigned char first = (unsigned char)*(*at)++;
	size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
	unsigned int point = more == 0 ? first : first & (0x3fu >> more);

	for (; more > 0 && ((unsigned char)**at & 0xc0) == 0x80; more--)
		point = point << 6 | ((unsigned char)*(*at)++ & 0x3f);
	return point;
}

static bool fail(const char **ret_why, const char *why)
{
	*ret_why = why;
	return false;
}

/* Two digits, or any number of them in braces. Behind "\x". */
static bool take_hex(const char **at, unsigned int *ret, const char **ret_why)
{
	bool has_braces = **at == '{';
	const char *digits = *at + has_braces;
	size_t length = strspn(digits, "0123456789abcdefABCDEF");
	unsigned long point;

	if (has_braces ? length == 0 || digits[length] != '}' : length < 2)
		return fail(ret_why, "\\x needs two hexadecimal digits, or some in braces");
	if (has_braces) {
		point = strtoul(digits, NULL, 16); /* ULONG_MAX for more */
		*at = digits + length + 1;
	} else {
		const char two[] = {digits[0], digits[1], '\0'};

		point = strtoul(two, NULL, 16);
		*at = digits + 2;
	}
	if (point > GO_POINT_MAX)
		return fail(ret_why, "\\x is for a character that there is not");
	*ret = (unsigned int)point;
	return true;
}

/* Behind the backslash, at a digit. */
static bool take_octal(const char **at, unsigned int *ret, const char **ret_why)
{
	bool is_reference = **at != '0' && !is_octal((*at)[1]);

	if (!is_octal(**at) || is_reference)
		return fail(ret_why, "Go has no backreferences");
	*ret = 0;
	for (int i = 0; i < 3 && is_octal(**at); i++)
		*ret = *ret * 8 + (unsigned int)(*(*at)++ - '0');
	return true;
}

bool go_take_escaped(const char **at, unsigned int *ret, const char **ret_why)
{
	static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
	char letter = *++*at;
	const char *known = letter != '\0' ? strchr(letters, letter) : NULL;

	if (letter == '\0')
		return fail(ret_why, "it ends with a backslash");
	if (go_is_digit(letter))
		return take_octal(at, ret, ret_why);
	++*at;
	if (letter == 'x')
		return take_hex(at, ret, ret_why);
	if (known != NULL)
		*ret = (unsigned char)values[known - letters];
	else if ((unsigned char)letter < 0x80 && (!go_is_word(letter) || letter == '_'))
		*ret = (unsigned char)letter;
	else
		return fail(ret_why, "Go does not know one of its escapes");
	return true;
}

/* ---- classes ---- */

/*
 * Sets of ASCII: the first and the last character of each range, in order. PCRE2's own are not
 * used: it has \v in \s, and does not fold the case of [:alpha:].
 */
struct go_class {
	const char *name, *ranges;
	size_t range_bytes;
};
#define CLASS(name, ranges)                                                                        \
	{                                                                                          \
		name, ranges, sizeof(ranges) - 1                                                   \
	}

static const struct go_class perl_classes[] = {
    CLASS("d", "09"),
    CLASS("s", "\t\n\f\r  "),
    CLASS("w", "09AZ__az"),
};
static const struct go_class posix_classes[] = {
    CLASS("alnum", "09AZaz"),
    CLASS("alpha", "AZaz"),
    CLASS("ascii", "\0\x7f"),
    CLASS("blank", "\t\t  "),
    CLASS("cntrl", "\0\x1f\x7f\x7f"),
    CLASS("digit", "09"),
    CLASS("graph", "!~"),
    CLASS("lower", "az"),
    CLASS("print", " ~"),
    CLASS("punct", "!/:@[`{~"),
    CLASS("space", "\t\r  "),
    CLASS("upper", "AZ"),
    CLASS("word", "09AZ__az"),
    CLASS("xdigit", "09AFaf"),
};

void go_put_range(struct hp_buf *out, unsigned int low, unsigned int high)
{
	if (low <= high)
		hp_buf_format(out, "\\x{%x}-\\x{%x}", low, high);
}

void go_class_put(const struct go_class *class, bool is_negated, struct hp_buf *out)
{
	unsigned int next = 0;

	for (size_t i = 0; i < class->range_bytes; i += 2) {
		unsigned int low = (unsigned char)class->ranges[i];
		unsigned int high = (unsigned char)class->ranges[i + 1];

		if (!is_negated)
			go_put_range(out, low, high);
		else if (low > next)
			go_put_range(out, next, low - 1);
		next = high + 1;
	}
	if (is_negated)
		go_put_range(out, next, GO_POINT_MAX);
}

const struct go_class *go_class_perl(const char *at)
{
	for (size_t i = 0; at[0] == '\\' && i < sizeof(perl_classes) / sizeof(perl_classes[0]); i++)
		if (at[1] == perl_classes[i].name[0] ||
		    at[1] == perl_classes[i].name[0] - 'a' + 'A')
			return &perl_classes[i];
	return NULL;
}

const struct go_class *go_class_posix(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(posix_classes) / sizeof(posix_classes[0]); i++)
		if (strlen(posix_classes[i].name) == length &&
		    strncmp(posix_classes[i].name, name, length) == 0)
			return &posix_classes[i];
	return NULL;
}
