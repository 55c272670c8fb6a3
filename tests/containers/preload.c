/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library of an image that LD_PRELOAD of the container's environment names. It says on stderr
 * that it was loaded.
 */
#include <unistd.h>

__attribute__((constructor)) static void say_that_it_is_loaded(void)
{
	static const char text[] = "PRELOADED\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
}
