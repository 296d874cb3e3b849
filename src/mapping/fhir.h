/*
 * fhir.h
 *		Door between the files that read FHIR's data types.
 *
 * A cell holds one top-level member of a resource as JSON text: a name, an
 * address, a reference, or an array of them.  A Span of JSON begins and ends
 * with the value; fhir_nothing is what is not there.
 */
#ifndef FLITMIG_FHIR_H
#define FLITMIG_FHIR_H

#include "mapping/mapping.h"

extern const Span fhir_nothing;

/* ---- fhir_json.c ---- */

/* The value of a whole cell; nothing when the cell is NULL. */
extern Span fhir_arg(FunctionCallInfo fcinfo, int arg);

extern bool fhir_opens_with(Span value, char bracket);

/*
 * The next member of an object, or element of an array; false at the end. The
 * cursor starts as NULL.  What is no array is its own and only element.
 */
extern bool fhir_next_member(Span object, const char **cursor, Span *key, Span *value);
extern bool fhir_next_element(Span array, const char **cursor, Span *element);

/* A member by name; nothing when the value is no object or has none. */
extern Span fhir_member(Span object, const char *name);

/* The value at a path of names and, in arrays, numbers from 0: "class.0.value". */
extern Span fhir_at(Span value, const char *path);

/* The text of a value: strings without quotes and escapes, all else as it stands; nothing for null and blanks. */
extern Span fhir_value(Span value);
extern Span fhir_text_at(Span value, const char *path);

/* All texts of an array from one on, joined. */
extern Span fhir_joined_texts(Span array, int from, const char *between);

extern bool fhir_equal(Span a, Span b);

/* Both with the text between them; if one is nothing, the other. */
extern Span fhir_join(Span a, const char *between, Span b);

/* What an SQL function returns: text or text[], NULL when there is nothing. */
extern Datum fhir_return(FunctionCallInfo fcinfo, Span span);
extern Datum fhir_return_texts(FunctionCallInfo fcinfo, Datum *texts, int count);

/* Room for n more texts in an array that doubles; texts starts as NULL. */
extern Datum *fhir_more_texts(Datum *texts, int count, int *room, int n);

/* ---- value_fhir.c ---- */

/* Does a Coding, a CodeableConcept, an array of them or a code have the code, or say it as its text? */
extern bool fhir_concept_is(Span concept, Span code);

#endif /* FLITMIG_FHIR_H */
