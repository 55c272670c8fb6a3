/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A library in an image, named by LD_PRELOAD in the container's environment. It prints to stderr
 * when it is loaded.
 */
#include <unistd.h>

__attribute__((constructor)) static void say_that_it_is_loaded(void)
{
	static const char text[] = "PRELOADED\n";

	(void)!write(STDERR_FILENO, text, sizeof(text) - 1);
}
