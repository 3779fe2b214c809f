/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CRC32 of zlib and of binlog events (polynomial 0x04c11db7, bits reflected).
 *
 * Binlog events are often a few dozen bytes, so what counts is to begin and to end quickly: where the
 * processor multiplies without carries, 16 bytes are folded in a step (Gopal et al., "Fast CRC Computation
 * for Generic Polynomials Using PCLMULQDQ", Intel 2009), the odd ones at the end among them; elsewhere, and
 * for less than 16 bytes, zlib does it.
 *
 * No state; any thread.
 */
#ifndef MILLRACE_BINLOG_CRC32_INT_H
#define MILLRACE_BINLOG_CRC32_INT_H

#include "engine/engine.h"

/* Goes on from `crc`, the result for the bytes before; 0 at the beginning. */
uint32_t crc32_add(uint32_t crc, struct slice bytes);

#endif
