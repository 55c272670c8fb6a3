/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Included before everything else: _FORTIFY_SOURCE where the compiler optimises, which alone the
 * compiler knows for sure. Without that, libc warns of it.
 */
#if defined(HOOKD_FORTIFY_LEVEL) && defined(__OPTIMIZE__)
#undef _FORTIFY_SOURCE
#define _FORTIFY_SOURCE HOOKD_FORTIFY_LEVEL
#endif
