/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `millrace checkpoint verify`: reads every file of a checkpoint folder from front to end and says
 * what it finds, in the user's words. Takes no lock and writes nothing, so it may run beside an
 * engine.
 */
#ifndef MILLRACE_CHECKPOINT_VERIFY_INT_H
#define MILLRACE_CHECKPOINT_VERIFY_INT_H

#include "engine/engine.h"

enum rc checkpoint_verify(struct slice dir, struct report *report, struct error *err);

#endif
