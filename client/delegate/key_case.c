/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finds keys that are written in another case. Go's encoding/json compares keys without regard to
 * case, also for the two letters outside of ASCII whose other case is in it. No state.
 */

#include "client/delegate/key_case.h"

#include <stdbool.h>
#include <string.h>

/* Of a key as it stands in the text: longer ones cannot be one of ours, also if all is escaped. */
#define KEY_SIZE 128

static const char long_s[] = "\305\277", kelvin_sign[] = "\342\204\252";

static char lower(char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

/* How many bytes of the text are the letter, in any case; 0: none. */
static size_t match_letter(const char *text, char letter)
{
	const char *other = letter == 's' ? long_s : letter == 'k' ? kelvin_sign : "";
	size_t length = strlen(other);

	if (lower(*text) == letter)
		return 1;
	return length > 0 && strncmp(text, other, length) == 0 ? length : 0;
}

static bool is_same_word(const char *text, const char *name)
{
	size_t length = 1;

	for (; *name != '\0' && length > 0; name++) {
		length = match_letter(text, lower(*name));
		text += length;
	}
	return *name == '\0' && length > 0 && *text == '\0';
}

int key_case_check(struct hp_json_value object, const char *const names[], size_t count,
		   struct hp_err *err)
{
	struct hp_json_value key, value;

	if (hp_json_type(object) != HP_JSON_OBJECT)
		return 0;
	HP_JSON_FOREACH (key, value, object) {
		char text[KEY_SIZE];
		size_t length;

		(void)hp_json_text(key, &length);
		if (length > sizeof(text))
			continue;
		(void)hp_json_decode(key, text);
		for (size_t i = 0; i < count; i++)
			if (is_same_word(text, names[i]) && strcmp(text, names[i]) != 0)
				return hp_err_invalid(
				    err, names[i],
				    "is written as %s, which only some runtimes read", text);
	}
	return 0;
}
