/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The name that is the fewest typing errors away from a word. An error is one letter too many, too
 * few or wrong, or two letters in the wrong order. A name of which more than a third would be wrong
 * is not offered, but for one that the word is the beginning of.
 */

#include "client/hookctl/terminal/nearest.h"

#include <string.h>

#define LENGTH_MAX 32

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Both at most LENGTH_MAX bytes. */
static size_t errors_between(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[LENGTH_MAX + 1][LENGTH_MAX + 1];

	for (size_t i = 0; i <= a_length; i++)
		rows[i][0] = i;
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		for (size_t j = 1; j <= b_length; j++) {
			size_t wrong = a[i - 1] != b[j - 1];

			rows[i][j] = smallest(rows[i - 1][j] + 1, rows[i][j - 1] + 1,
					      rows[i - 1][j - 1] + wrong);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    rows[i - 2][j - 2] + 1 < rows[i][j])
				rows[i][j] = rows[i - 2][j - 2] + 1;
		}
	}
	return rows[a_length][b_length];
}

struct nearest nearest_new(const char *word)
{
	return (struct nearest){.word = word};
}

void nearest_offer(struct nearest *nearest, const char *name, size_t length)
{
	size_t typed = strlen(nearest->word), distance, longer = typed > length ? typed : length;

	if (typed == 0 || typed > LENGTH_MAX || length > LENGTH_MAX)
		return;
	distance = errors_between(nearest->word, typed, name, length);
	if (typed >= 3 && typed < length && strncmp(nearest->word, name, typed) == 0)
		distance = 1;
	if (distance > (longer + 2) / 3)
		return;
	if (nearest->name != NULL && distance >= nearest->distance)
		return;
	nearest->name = name;
	nearest->length = length;
	nearest->distance = distance;
}

void nearest_offer_list(struct nearest *nearest, const char *list)
{
	for (const char *end; *list != '\0'; list = *end == '|' ? end + 1 : end) {
		end = strchrnul(list, '|');
		nearest_offer(nearest, list, (size_t)(end - list));
	}
}
