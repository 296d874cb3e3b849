/*
 * latin_base.h
 *		Letters as they are compared, and as names are made of them.  Plain C
 *		without the server: the reader core is fuzzed on its own.
 */
#ifndef FLITMIG_LATIN_H
#define FLITMIG_LATIN_H

/* The ASCII letter(s) under a Latin letter with accents, or NULL. */
extern const char *latin_base(unsigned codepoint);

#endif /* FLITMIG_LATIN_H */
