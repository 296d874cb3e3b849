/*
 * answer_internal.h
 *		Between answer.c (an answer as a whole) and answer_error.c (one error).
 */
#ifndef FLITMIG_ANSWER_INTERNAL_H
#define FLITMIG_ANSWER_INTERNAL_H

#include "flitmig.h"

#include "twenty/json_peek.h"
#include "twenty/twenty.h"

/* Messages go into tables; Twenty's longest lists some options. */
#define MESSAGE_MAX_BYTES 2000
#define CODE_MAX_BYTES	  100

extern Answer *answer_make(AnswerClass class, const char *code, const char *message);

/* What one object of "errors" means. */
extern Answer *answer_of_error(JsonPeek object);

/* Takes the numbers that a message tells: a limit, the most records of a call. */
extern void answer_learn(Answer *answer, const char *message);

/* The value or field that a message names, or NULL. */
extern const char *answer_clue(const char *message);

#endif /* FLITMIG_ANSWER_INTERNAL_H */
