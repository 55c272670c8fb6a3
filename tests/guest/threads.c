/* SPDX-License-Identifier: Apache-2.0 */
/* A process of eight threads for the scripts in this folder: prints "ready" and sleeps for ever. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static _Noreturn void *wait_for_ever(void *nothing)
{
	(void)nothing;
	for (;;)
		pause();
}

int main(void)
{
	pthread_t thread;

	for (int i = 1; i < 8; i++)
		if (pthread_create(&thread, NULL, wait_for_ever, NULL) != 0)
			return 1;
	puts("ready");
	fflush(stdout);
	wait_for_ever(NULL);
}
